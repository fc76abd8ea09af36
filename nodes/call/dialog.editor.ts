/**
 * What the edit dialogs of all nodes share: checks of properties, and the fields that HTML does not have.
 *
 * Every property accepts `${ENV}` as its whole value: Node-RED itself takes that as valid and puts the variable's value
 * in its place when the flow starts.
 */

/** Topics with commas between; audio is never acted on. */
export const TOPICS = /^(?!(.*,)?\s*audio\s*(,|$))[^\s,]+(\s*,\s*[^\s,]+)*$/;

const MODULE = '@dialog-red/node-red-voice-agent';

/** Looks up texts of one node set's catalogue; for texts that are needed before a node exists. */
export function catalogue(set: string): (key: string, values?: Record<string, string | number>) => string {
  return (key, values) => RED._(`${MODULE}/${set}:${key}`, values);
}

/** Whether a value is a reference to an environment variable, and so nothing to be checked here. */
export function isVariable(value: unknown): boolean {
  return typeof value === 'string' && /^\$(\{[A-Za-z_]\w*\}|\([A-Za-z_]\w*\))$/.test(value);
}

/** A property's value as text; what is neither text nor number is none. */
function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '';
}

/**
 * Builds a validator in the form that the editor shows messages of (a function of two arguments). Nothing is said about
 * variables, nor of what a flow lacks that was saved before there was such a property: its default holds. An empty value is right
 * unless it is required.
 */
function validator(
  set: string,
  required: boolean,
  problem: (text: string) => { key: string; values?: Record<string, string | number> } | undefined,
): Validate {
  const text = catalogue(set);
  return (value, opt) => {
    if (value === undefined || isVariable(value)) return true;
    const content = textOf(value);
    const label = opt?.label ?? text('common.label.name');
    if (content === '') return required ? text('common.invalid.required', { label }) : true;
    const found = problem(content);
    return found ? text(found.key, { ...found.values, label }) : true;
  };
}

/** Checks of a node set's properties; messages come from its catalogue. */
export function checks(set: string) {
  return {
    /** Any text but none. */
    required: () => validator(set, true, () => undefined),

    /** A number in a range. */
    number: (min: number, max: number, { required = false, integer = false } = {}) =>
      validator(set, required, (text) => {
        const value = Number(text);
        if (!Number.isFinite(value)) return { key: 'common.invalid.number' };
        if (integer && !Number.isInteger(value)) return { key: 'common.invalid.integer' };
        if (value < min || value > max) return { key: 'common.invalid.range', values: { min, max } };
        return undefined;
      }),

    /** A URL of one of these schemes. */
    url: (schemes: string[], { required = false } = {}) =>
      validator(set, required, (text) => {
        const right = URL.canParse(text) && schemes.includes(new URL(text).protocol.slice(0, -1));
        const wanted = schemes.map((scheme) => `${scheme}://`).join(' / ');
        return right ? undefined : { key: 'common.invalid.url', values: { schemes: wanted } };
      }),

    /** A path of HTTP requests. */
    path: () =>
      validator(set, true, (text) => (/^\/[^\s?#:]*$/.test(text) ? undefined : { key: 'common.invalid.path' })),

    /** A phone number in E.164. */
    phone: () =>
      validator(set, false, (text) => (/^\+[1-9]\d{6,14}$/.test(text) ? undefined : { key: 'common.invalid.phone' })),

    /** A phone number in E.164, or a SIP address. */
    callable: () =>
      validator(set, false, (text) => {
        const number = text.replace(/\(0\)|[\s().-]/g, '');
        const right = /^\+[1-9]\d{6,14}$/.test(number) || /^sips?:[^\s@]+@[^\s@]+$/i.test(text);
        return right ? undefined : { key: 'common.invalid.callable' };
      }),

    /** Beginnings of phone numbers, and hosts of SIP addresses, with commas between. */
    prefixes: () =>
      validator(set, false, (text) => {
        const entries = text.split(/[\n,;]/).map((entry) => entry.replace(/[\s()-]/g, ''));
        const right = /^(\+[1-9]\d{0,14}|sips?:(\*?@)?[a-z0-9][a-z0-9.-]*)?$/i;
        return entries.every((entry) => right.test(entry)) ? undefined : { key: 'common.invalid.prefixes' };
      }),

    /** A text of this form; the label of this key says which. */
    matching: (form: RegExp, key: string) => validator(set, false, (text) => (form.test(text) ? undefined : { key })),

    /** One of these values. */
    choice: (values: string[]) =>
      validator(set, false, (text) =>
        values.includes(text) ? undefined : { key: 'common.invalid.choice', values: { values: values.join(', ') } },
      ),

    /** The text of a JSON object. */
    json: () => validator(set, false, (text) => (objectOf(text) ? undefined : { key: 'common.invalid.json' })),

    /** The text of a JSON object that holds texts, numbers and truth values only. */
    headers: () =>
      validator(set, false, (text) => {
        const object = objectOf(text);
        const plain = ['string', 'number', 'boolean'];
        const right = object && Object.values(object).every((value) => plain.includes(typeof value));
        return right ? undefined : { key: 'common.invalid.headers' };
      }),
  };
}

/** The object that a JSON text describes, if it does. */
function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Puts the defaults into the fields of what a flow lacks that was saved before there was such a property. First of all in a dialog. */
export function fillMissing(node: EditorNode): void {
  for (const [property, { value }] of Object.entries(node._def.defaults)) {
    if ((node as unknown as Record<string, unknown>)[property] !== undefined) continue;
    const field = $(`#node-input-${property}`);
    if (field.is(':checkbox')) field.prop('checked', value === true);
    else if (typeof value === 'string' || typeof value === 'number') field.val(value);
  }
}

/** The second kind of value that a list or a JSON field takes. */
function variableType(node: EditorNode) {
  return { value: 'variable', label: node._('common.label.variable'), icon: 'fa fa-dollar', validate: isVariable };
}

/** A list to choose from: its values, with labels; or a variable. The property holds the bare value. */
export function choiceField(node: EditorNode, property: string, options: { value: string; label: string }[]): JQuery {
  const field = $(`#node-input-${property}`);
  const list = { value: 'list', label: node._('common.label.list'), icon: 'fa fa-list', options };
  field.typedInput({ default: isVariable(field.val()) ? 'variable' : 'list', types: [list, variableType(node)] });
  return field;
}

/** A JSON object with the editor's own JSON dialog; or a variable. The property holds the text. */
export function jsonField(node: EditorNode, property: string): void {
  const field = $(`#node-input-${property}`);
  field.typedInput({ default: isVariable(field.val()) ? 'variable' : 'json', types: ['json', variableType(node)] });
}

/** The fields of an in-node that record and transcribe each call: only those that matter are to be seen. */
export function automaticFields(node: EditorNode): void {
  const options = (group: string, values: string[]) =>
    values.map((value) => ({ value, label: node._(`common.automatic.${group}.${value}`) }));
  const tracks = options('track', ['both', 'inbound', 'outbound']);
  const always = options('always', ['off', 'start', 'notice']);
  const record = choiceField(node, 'record', always);
  const transcribe = choiceField(node, 'transcribe', always);
  choiceField(node, 'recordingChannels', options('channels', ['dual', 'mono']));
  choiceField(node, 'recordingTrack', tracks);
  choiceField(node, 'transcriptionTrack', tracks);
  const show = () => {
    const values = [record.val(), transcribe.val()];
    $('.voice-agent-recording').toggle(values[0] !== 'off');
    $('.voice-agent-transcription').toggle(values[1] !== 'off');
    $('.voice-agent-notice').toggle(values.some((value) => value !== 'off' && value !== 'start'));
  };
  record.on('change', show);
  transcribe.on('change', show);
  show();
}

/** The fields of an in-node that say where its calls run: those of worker threads are to be seen where there are any. */
export function workerFields(node: EditorNode): void {
  const options = ['runtime', 'workers'].map((value) => ({ value, label: node._(`common.workers.runIn.${value}`) }));
  const runIn = choiceField(node, 'runIn', options);
  const show = () => void $('.voice-agent-workers').toggle(runIn.val() !== 'runtime');
  runIn.on('change', show);
  show();
}

/** Opens the folded sections that hold a field with a wrong value: a message that nobody sees helps nobody. */
export function openFaulty(): void {
  setTimeout(() => {
    $('.voice-agent-dialog details').each(function () {
      if ($(this).find('.input-error').length > 0) $(this).attr('open', '');
    });
  }, 50);
}
