import { catalogue, checks, choiceField, isVariable, openFaulty, TOPICS } from '../call/dialog.editor';

interface Properties {
  version: number;
  name: string;
  text: string;
  when: string;
  on: string;
  kind: string;
  interruptible: boolean;
}

const text = catalogue('agent-say');
const check = checks('agent-say');

/** When it speaks: as chosen in the open dialog, else as it is saved. */
function chosenWhen(node: unknown): unknown {
  const field = $('.voice-agent-say #node-input-when');
  return field.length > 0 ? field.val() : (node as Partial<Properties>).when;
}

RED.nodes.registerType<Properties>('agent-say', {
  category: 'voice agent',
  color: '#C9C1E4',
  inputs: 1,
  outputs: 2,
  icon: 'voice-say.svg',
  defaults: {
    version: { value: 1 },
    name: { value: '' },
    text: {
      value: '',
      label: text('agent-say.label.text'),
      // At the start of a call there is no message that could bring the words.
      validate(value, opt) {
        if ((typeof value === 'string' && value.trim() !== '') || chosenWhen(this) !== 'start') return true;
        return text('agent-say.invalid.text', { label: opt?.label ?? text('agent-say.label.text') });
      },
    },
    when: { value: 'message', label: text('agent-say.label.when'), validate: check.choice(['message', 'start']) },
    on: { value: '', label: text('agent-say.label.on'), validate: check.matching(TOPICS, 'agent-say.invalid.on') },
    kind: {
      value: 'prompt',
      label: text('agent-say.label.kind'),
      validate: check.choice(['prompt', 'notice', 'filler', 'greeting']),
    },
    interruptible: { value: true },
  },
  paletteLabel() {
    return this._('agent-say.label.node');
  },
  label() {
    const words = isVariable(this.text) ? '' : this.text.trim().replace(/\s+/g, ' ');
    return this.name || (words.length > 24 ? `${words.slice(0, 23)}…` : words) || this._('agent-say.label.node');
  },
  labelStyle() {
    return this.name ? 'node_label_italic' : '';
  },
  inputLabels() {
    return this._('agent-say.input.words');
  },
  outputLabels(index) {
    return this._(index === 0 ? 'agent-say.output.speech' : 'agent-say.output.said');
  },
  oneditprepare() {
    const options = (property: string, values: string[]) =>
      values.map((value) => ({ value, label: this._(`agent-say.${property}.${value}`) }));
    const when = choiceField(this, 'when', options('when', ['message', 'start']));
    choiceField(this, 'kind', options('kind', ['prompt', 'notice', 'filler', 'greeting']));
    const show = () => {
      const value = when.val();
      $('.voice-agent-say-message').toggle(value !== 'start');
      $('.voice-agent-say-start').toggle(value === 'start');
      $('#node-input-text').trigger('change');
    };
    when.on('change', show);
    show();
    openFaulty();
  },
});
