/** Which file imports which, read from the TypeScript itself. */
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, posix, relative, resolve, sep } from 'node:path';
import ts from 'typescript';

export const root = resolve(__dirname, '..', '..', '..');

/** One import of a file of this project; paths are from the root, with slashes. */
export interface Import {
  from: string;
  /** As it is written there. */
  specifier: string;
  /** The folder and the name without its ending. */
  to: string;
}

/** The files below a folder, from the root, with slashes; sorted. */
export function filesBelow(folder: string, ending = ''): string[] {
  const all = readdirSync(join(root, folder), { recursive: true, withFileTypes: true });
  return all
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

export function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

/** All imports of other files in a text: `import`, `export from`, `import()`, `require()`, `import type`, `import x = require()`. */
export function importsOf(from: string, text: string): Import[] {
  const found: Import[] = [];
  const add = (specifier: string): void => {
    if (!specifier.startsWith('.')) return;
    found.push({ from, specifier, to: posix.join(dirname(from), specifier) });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
      if (node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier)) add(node.moduleSpecifier.text);
    } else if (ts.isExternalModuleReference(node)) {
      if (ts.isStringLiteral(node.expression)) add(node.expression.text);
    } else if (ts.isImportTypeNode(node)) {
      if (ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal))
        add(node.argument.literal.text);
    } else if (ts.isCallExpression(node)) {
      const called = node.expression;
      const [first] = node.arguments;
      const loads =
        called.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(called) && called.text === 'require');
      if (loads && first && ts.isStringLiteralLike(first)) add(first.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(from, text, ts.ScriptTarget.Latest, true));
  return found;
}

/** Who may import what, below a top folder (`nodes`, `simulators`). */
export interface Rule {
  top: string;
  /** Folders that all others may import from; they themselves import from no other. */
  shared: readonly string[];
  /** True if files directly in the top folder may be imported by all. */
  topFilesShared: boolean;
  /** Folders that are no provider's: they put all together, and nobody imports them. */
  above: readonly string[];
}

/** What breaks the rule, a line each: who imports what, and why that may not be. */
export function violations(rule: Rule, imports: readonly Import[]): string[] {
  return imports.flatMap((one) => {
    const [top, folder = '', ...rest] = one.from.split('/');
    // A file directly in the top folder belongs to no provider.
    if (top !== rule.top || rest.length === 0 || rule.above.includes(folder)) return [];
    const [toTop, toFolder = '', ...toRest] = one.to.split('/');
    const words = `${one.from} imports '${one.specifier}'`;
    if (toTop !== rule.top) return [`${words}: it lies outside of ${rule.top}/`];
    if (toFolder === folder || rule.shared.includes(toFolder)) return [];
    // A folder's own index has the folder as its path.
    const folderItself = toRest.length === 0 && isFolder(`${rule.top}/${toFolder}`);
    if (toRest.length === 0 && !folderItself && rule.topFilesShared) return [];
    return [`${words}: ${toFolder}/ is another's`];
  });
}

let folders: Set<string> | undefined;

function isFolder(path: string): boolean {
  folders ??= new Set(
    ['nodes', 'simulators'].flatMap((top) =>
      readdirSync(join(root, top), { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => `${top}/${entry.name}`),
    ),
  );
  return folders.has(path);
}
