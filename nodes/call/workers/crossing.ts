import { types } from 'node:util';

/** Thrown for what cannot go to another thread: names the field, and what is wrong with it. */
export class CannotCross extends Error {
  override readonly name = 'CannotCross';

  /**
   * @param field such as `msg.res`
   * @param what stands there, such as `a function`
   */
  constructor(
    readonly field: string,
    readonly what: string,
  ) {
    super(`${field} is ${what}, which cannot go to another thread.`);
  }
}

/** What cannot go, and where it was found: the path is told on the way out, for most values need none. */
class Fault extends Error {
  path = '';
  constructor(readonly what: string) {
    super(what);
  }

  static at(step: string, thrown: unknown): unknown {
    if (thrown instanceof Fault) thrown.path = step + thrown.path;
    return thrown;
  }
}

/** Copies by what they are copies of: one thing may stand in several places, and in itself. */
type Seen = Map<object, unknown>;

/**
 * A copy of a message, or of any value, that another thread can be sent: plain data, and no view of memory that is larger than itself
 * (to clone a view is to clone all of what it is a view of). Objects of a class go as what they hold, without their methods.
 * @param name what the value is called, for the words of the error
 * @throws CannotCross with the first field that cannot go
 */
export function packed<Value>(value: Value, name = 'msg'): Value {
  try {
    return pack(value, new Map()) as Value;
  } catch (err) {
    throw err instanceof Fault ? new CannotCross(name + err.path, err.what) : err;
  }
}

/** @throws Fault */
function pack(value: unknown, seen: Seen): unknown {
  if (typeof value === 'function') throw new Fault('a function');
  if (typeof value === 'symbol') throw new Fault('a symbol');
  if (typeof value !== 'object' || value === null) return value;
  if (seen.has(value)) return seen.get(value);
  if (types.isTypedArray(value)) return remember(seen, value, ownMemory(value));
  if (Array.isArray(value)) return items(value, seen);
  return isPlain(value) ? fields(value, seen) : ofClass(value, seen);
}

/** Also an object that a Function node has made: there all classes are others than here. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function items(value: readonly unknown[], seen: Seen): unknown[] {
  const copy: unknown[] = [];
  seen.set(value, copy);
  try {
    for (const item of value) copy.push(pack(item, seen));
  } catch (err) {
    throw Fault.at(`[${copy.length}]`, err);
  }
  return copy;
}

function fields(value: object, seen: Seen): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  seen.set(value, copy);
  let at = '';
  try {
    for (const name of Object.keys(value)) {
      at = name;
      copy[name] = pack((value as Record<string, unknown>)[name], seen);
    }
  } catch (err) {
    throw Fault.at(`.${at}`, err);
  }
  return copy;
}

function ofClass(value: object, seen: Seen): unknown {
  try {
    if (isNative(value)) return remember(seen, value, structuredClone(value));
    // What keeps all that it holds to itself (a URL, a key) would arrive empty.
    if (Object.keys(value).length > 0) return fields(value, seen);
  } catch {
    // Its own name says more than that of the field deep in it.
  }
  const { name = 'unknown' } = (value.constructor as { name?: string } | undefined) ?? {};
  throw new Fault(`an object of class ${name}`);
}

/** What a clone of keeps its kind. */
function isNative(value: object): boolean {
  return (
    types.isDate(value) ||
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- Node 22 has no Error.isError; a Function node's errors are of another class
    types.isNativeError(value) ||
    types.isRegExp(value) ||
    types.isMap(value) ||
    types.isSet(value) ||
    types.isAnyArrayBuffer(value) ||
    types.isDataView(value) ||
    types.isBoxedPrimitive(value)
  );
}

function ownMemory(view: NodeJS.TypedArray): NodeJS.TypedArray {
  // A Buffer's own slice() would be a view again.
  return view.byteLength === view.buffer.byteLength ? view : Uint8Array.prototype.slice.call(view);
}

function remember<Copy>(seen: Seen, value: object, copy: Copy): Copy {
  seen.set(value, copy);
  return copy;
}

/** A message, or any value, as it came from another thread: what left there as a Buffer is one again. What came is changed in place. */
export function unpacked<Value>(value: Value): Value {
  return unpack(value, new Set()) as Value;
}

function unpack(value: unknown, seen: Set<object>): unknown {
  if (typeof value !== 'object' || value === null || seen.has(value)) return value;
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (Array.isArray(value)) {
    seen.add(value);
    for (let i = 0; i < value.length; i++) {
      const item: unknown = value[i];
      if (typeof item === 'object') value[i] = unpack(item, seen);
    }
  } else if (Object.getPrototypeOf(value) === Object.prototype) {
    seen.add(value);
    const container = value as Record<string, unknown>;
    for (const name of Object.keys(container)) {
      const field = container[name];
      if (typeof field === 'object') container[name] = unpack(field, seen);
    }
  }
  return value;
}
