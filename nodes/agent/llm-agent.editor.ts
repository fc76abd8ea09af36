import { catalogue, checks, choiceField, fillMissing, jsonField, openFaulty } from '../call/dialog.editor';

interface Properties {
  version: number;
  name: string;
  account: string;
  api: string;
  model: string;
  instructions: string;
  greeting: string;
  greetingInterruptible: boolean;
  temperature: string;
  reasoningEffort: string;
  maxReplyTokens: number;
  bargeIn: string;
  bargeInWords: number;
  chunking: string;
  turnsKept: number;
  queueLimit: number;
  queuePolicy: string;
  apology: string;
  timeBudget: number;
  options: string;
  headers: string;
}

const text = catalogue('llm-agent');
const check = checks('llm-agent');

/** The open dialog's editor of the instructions. */
let instructions: AceAjax.Editor | undefined;

function closeInstructions(): void {
  instructions?.destroy();
  instructions = undefined;
}

RED.nodes.registerType<Properties>('llm-agent', {
  category: 'voice agent',
  color: '#C9C1E4',
  inputs: 1,
  outputs: 3,
  icon: 'voice-agent.svg',
  defaults: {
    version: { value: 1 },
    name: { value: '' },
    account: { value: '', type: 'openai-account', required: true, label: text('common.label.account') },
    api: { value: 'auto', label: text('llm-agent.label.api'), validate: check.choice(['auto', 'responses', 'chat']) },
    model: { value: 'gpt-5.4-mini', label: text('common.label.model'), validate: check.required() },
    instructions: {
      value:
        'You are a friendly assistant who answers the phone. What you write is spoken: use short, plain sentences, ' +
        'no lists and no markdown. Ask one question at a time. If you did not understand, say so.',
    },
    greeting: { value: 'Hello, how can I help you?' },
    greetingInterruptible: { value: true },
    temperature: { value: '', label: text('llm-agent.label.temperature'), validate: check.number(0, 2) },
    reasoningEffort: {
      value: '',
      label: text('llm-agent.label.reasoningEffort'),
      validate: check.choice(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']),
    },
    maxReplyTokens: {
      value: 400,
      label: text('llm-agent.label.maxReplyTokens'),
      validate: check.number(16, 100000, { required: true, integer: true }),
    },
    bargeIn: {
      value: 'words',
      label: text('llm-agent.label.bargeIn'),
      validate: check.choice(['words', 'speech', 'count', 'never']),
    },
    bargeInWords: {
      value: 3,
      label: text('llm-agent.label.bargeInWords'),
      validate: check.number(1, 20, { required: true, integer: true }),
    },
    chunking: {
      value: 'clause',
      label: text('llm-agent.label.chunking'),
      validate: check.choice(['clause', 'sentence', 'whole', 'stream']),
    },
    turnsKept: {
      value: 20,
      label: text('llm-agent.label.turnsKept'),
      validate: check.number(1, 1000, { required: true, integer: true }),
    },
    queueLimit: {
      value: 8,
      label: text('llm-agent.label.queueLimit'),
      validate: check.number(1, 100, { required: true, integer: true }),
    },
    queuePolicy: {
      value: 'join',
      label: text('llm-agent.label.queuePolicy'),
      validate: check.choice(['join', 'oldest', 'newest']),
    },
    apology: { value: 'Sorry, I am having trouble right now. Could you say that again?' },
    timeBudget: {
      value: 6,
      label: text('llm-agent.label.timeBudget'),
      validate: check.number(1, 60, { required: true }),
    },
    options: { value: '{}', label: text('common.label.options'), validate: check.json() },
    headers: { value: '{}', label: text('common.label.headers'), validate: check.headers() },
  },
  paletteLabel() {
    return this._('llm-agent.label.node');
  },
  label() {
    return this.name || this._('llm-agent.label.node');
  },
  labelStyle() {
    return this.name ? 'node_label_italic' : '';
  },
  inputLabels() {
    return this._('llm-agent.input.transcript');
  },
  outputLabels(index) {
    if (index === 0) return this._('llm-agent.output.speech');
    return this._(index === 1 ? 'llm-agent.output.tools' : 'llm-agent.output.turns');
  },
  oneditprepare() {
    fillMissing(this);
    const options = (property: string, values: string[]) =>
      values.map((value) => ({ value, label: this._(`llm-agent.${property}.${value || 'default'}`) }));
    const words = choiceField(this, 'bargeIn', options('bargeIn', ['words', 'speech', 'count', 'never']));
    choiceField(this, 'chunking', options('chunking', ['clause', 'sentence', 'whole', 'stream']));
    choiceField(this, 'queuePolicy', options('queuePolicy', ['join', 'oldest', 'newest']));
    choiceField(this, 'api', options('api', ['auto', 'responses', 'chat']));
    choiceField(
      this,
      'reasoningEffort',
      options('reasoningEffort', ['', 'none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']),
    );
    jsonField(this, 'options');
    jsonField(this, 'headers');
    const show = () => {
      const value = words.val();
      $('.voice-agent-count').toggle(value !== 'words' && value !== 'speech' && value !== 'never');
    };
    words.on('change', show);
    show();
    instructions = RED.editor.createEditor({
      id: 'node-input-instructions-editor',
      mode: 'ace/mode/text',
      value: this.instructions,
    });
    openFaulty();
  },
  oneditsave() {
    if (instructions) $('#node-input-instructions').val(instructions.getValue());
    closeInstructions();
  },
  oneditcancel() {
    closeInstructions();
  },
});
