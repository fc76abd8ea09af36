import { catalogue, checks, choiceField, isVariable, jsonField, openFaulty } from '../call/dialog.editor';

interface Properties {
  version: number;
  name: string;
  account: string;
  model: string;
  language: string;
  prompt: string;
  keywords: string;
  noiseReduction: string;
  turnDetection: string;
  vadThreshold: string;
  prefixPaddingMs: string;
  silenceDurationMs: number;
  eagerness: string;
  gateLevel: number;
  gateMaxSeconds: number;
  options: string;
  headers: string;
}

const text = catalogue('openai-stt');
const check = checks('openai-stt');

RED.nodes.registerType<Properties>('openai-stt', {
  category: 'voice agent',
  color: '#A6D8C9',
  inputs: 1,
  outputs: 1,
  icon: 'voice-transcribe.svg',
  defaults: {
    version: { value: 1 },
    name: { value: '' },
    account: { value: '', type: 'openai-account', required: true, label: text('common.label.account') },
    model: { value: 'gpt-transcribe', label: text('common.label.model'), validate: check.required() },
    language: { value: 'en' },
    prompt: { value: '' },
    keywords: { value: '' },
    noiseReduction: {
      value: 'near_field',
      label: text('openai-stt.label.noiseReduction'),
      validate: check.choice(['near_field', 'far_field', 'none']),
    },
    turnDetection: {
      value: 'auto',
      label: text('openai-stt.label.turnDetection'),
      validate: check.choice(['auto', 'server', 'semantic', 'gate']),
    },
    vadThreshold: {
      value: '',
      label: text('openai-stt.label.vadThreshold'),
      validate: check.number(0, 1),
    },
    prefixPaddingMs: {
      value: '',
      label: text('openai-stt.label.prefixPaddingMs'),
      validate: check.number(0, 5000, { integer: true }),
    },
    silenceDurationMs: {
      value: 500,
      label: text('openai-stt.label.silenceDurationMs'),
      validate: check.number(100, 5000, { integer: true }),
    },
    eagerness: {
      value: 'auto',
      label: text('openai-stt.label.eagerness'),
      validate: check.choice(['auto', 'low', 'medium', 'high']),
    },
    gateLevel: {
      value: -40,
      label: text('openai-stt.label.gateLevel'),
      validate: check.number(-70, -10),
    },
    gateMaxSeconds: {
      value: 15,
      label: text('openai-stt.label.gateMaxSeconds'),
      validate: check.number(3, 30),
    },
    options: { value: '{}', label: text('common.label.options'), validate: check.json() },
    headers: { value: '{}', label: text('common.label.headers'), validate: check.headers() },
  },
  paletteLabel() {
    return this._('openai-stt.label.node');
  },
  label() {
    return this.name || this._('openai-stt.label.node');
  },
  labelStyle() {
    return this.name ? 'node_label_italic' : '';
  },
  inputLabels() {
    return this._('openai-stt.input.call');
  },
  outputLabels() {
    return this._('openai-stt.output.transcript');
  },
  oneditprepare() {
    choiceField(this, 'noiseReduction', [
      { value: 'near_field', label: this._('openai-stt.noise.near') },
      { value: 'far_field', label: this._('openai-stt.noise.far') },
      { value: 'none', label: this._('openai-stt.noise.none') },
    ]);
    choiceField(this, 'eagerness', [
      { value: 'auto', label: this._('openai-stt.eagerness.auto') },
      { value: 'low', label: this._('openai-stt.eagerness.low') },
      { value: 'medium', label: this._('openai-stt.eagerness.medium') },
      { value: 'high', label: this._('openai-stt.eagerness.high') },
    ]);
    const turn = choiceField(this, 'turnDetection', [
      { value: 'auto', label: this._('openai-stt.turn.auto') },
      { value: 'server', label: this._('openai-stt.turn.server') },
      { value: 'semantic', label: this._('openai-stt.turn.semantic') },
      { value: 'gate', label: this._('openai-stt.turn.gate') },
    ]);
    jsonField(this, 'options');
    jsonField(this, 'headers');
    const model = $('#node-input-model');
    const show = () => {
      const name = model.val();
      const chosen = turn.val();
      const withoutVad = typeof name === 'string' && /^gpt-(live-transcribe|realtime-whisper)/.test(name);
      // What a variable names is known only when the flow runs.
      const any = isVariable(chosen) || (chosen === 'auto' && isVariable(name));
      const gate = chosen === 'gate' || (chosen === 'auto' && withoutVad);
      const semantic = chosen === 'semantic';
      $('.voice-agent-server').toggle(any || (!gate && !semantic));
      $('.voice-agent-silence').toggle(any || !semantic);
      $('.voice-agent-semantic').toggle(any || semantic);
      $('.voice-agent-gate').toggle(any || gate);
    };
    model.on('input change', show);
    turn.on('change', show);
    show();
    openFaulty();
  },
});
