/**
 * The part of Node-RED's editor that the nodes use. `@types/node-red` describes an older editor: there `validate` takes
 * no second argument and returns no message, and `defaults` have no `label`.
 */
import type * as client from '@node-red/editor-client';

declare global {
  /** What a node knows about itself in its functions (`label`, `oneditprepare` ...), beside its own properties. */
  interface EditorNode {
    /** What was registered for its type. */
    readonly _def: { readonly defaults: Readonly<Record<string, { readonly value?: unknown }>> };
    readonly id: string;
    readonly type: string;
    /** A text of the node set's catalogue. */
    _(key: string, values?: Record<string, string | number>): string;
  }

  /** True, or what is wrong, in words. */
  type Validate = (this: unknown, value: unknown, opt: { label?: string } | undefined) => true | string;

  interface EditorProperty<T> {
    value: T | '';
    required?: boolean;
    /** The type of the config node that the property names. */
    type?: string;
    /** The property's name in messages. */
    label?: string;
    validate?: Validate;
  }

  interface EditorNodeDefinition<P, C> {
    category: string;
    defaults: { [K in keyof P]: EditorProperty<P[K]> };
    credentials?: { [K in keyof C]: { type: 'text' | 'password' } };
    inputs?: 0 | 1;
    outputs?: number;
    color?: string;
    icon?: string;
    align?: 'left' | 'right';
    /** Called with the definition as `this`. */
    paletteLabel?: string | ((this: Pick<EditorNode, '_'>) => string);
    label?: string | ((this: EditorNode & P) => string);
    labelStyle?: string | ((this: EditorNode & P) => string);
    inputLabels?: string | ((this: EditorNode & P, index: number) => string | undefined);
    outputLabels?: string | ((this: EditorNode & P, index: number) => string | undefined);
    oneditprepare?: (this: EditorNode & P) => void;
    oneditsave?: (this: EditorNode & P) => void;
    oneditcancel?: (this: EditorNode & P) => void;
    oneditdelete?: (this: EditorNode & P) => void;
    oneditresize?: (this: EditorNode & P, size: { width: number; height: number }) => void;
  }

  const RED: Omit<client.RED, '_' | 'nodes'> & {
    _(key: string, values?: Record<string, string | number>): string;
    nodes: Omit<client.Nodes, 'registerType'> & {
      registerType<P, C = Record<never, never>>(type: string, definition: EditorNodeDefinition<P, C>): void;
    };
  };
}
