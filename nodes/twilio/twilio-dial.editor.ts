import { catalogue, checks, choiceField, jsonField, openFaulty } from '../call/dialog.editor';

interface Properties {
  version: number;
  name: string;
  account: string;
  enter: string;
  to: string;
  from: string;
  allowed: string;
  perHour: number;
  ringTimeout: number;
  detection: string;
  answerWait: number;
  onMachine: string;
  machineMessage: string;
  parameters: string;
  options: string;
  headers: string;
}

const text = catalogue('twilio-dial');
const check = checks('twilio-dial');

RED.nodes.registerType<Properties>('twilio-dial', {
  category: 'voice agent',
  color: '#E9B0B4',
  inputs: 1,
  outputs: 1,
  icon: 'voice-call-dial.svg',
  defaults: {
    version: { value: 1 },
    name: { value: '' },
    account: { value: '', type: 'twilio-account', required: true, label: text('common.label.account') },
    // Without a type, which the editor knows for config nodes only.
    enter: { value: '', label: text('twilio-dial.label.enter'), validate: check.required() },
    to: { value: '', label: text('twilio-dial.label.to'), validate: check.callable() },
    from: { value: '', label: text('twilio-dial.label.from'), validate: check.callable() },
    allowed: { value: '', label: text('twilio-dial.label.allowed'), validate: check.prefixes() },
    perHour: {
      value: 10,
      label: text('twilio-dial.label.perHour'),
      validate: check.number(1, 1000, { required: true, integer: true }),
    },
    ringTimeout: {
      value: 30,
      label: text('twilio-dial.label.ringTimeout'),
      validate: check.number(5, 600, { required: true }),
    },
    detection: {
      value: 'off',
      label: text('twilio-dial.label.detection'),
      validate: check.choice(['off', 'detect', 'detect_beep']),
    },
    answerWait: {
      value: 0,
      label: text('twilio-dial.label.answerWait'),
      validate: check.number(0, 30, { required: true }),
    },
    onMachine: {
      value: 'talk',
      label: text('twilio-dial.label.onMachine'),
      validate: check.choice(['talk', 'hang-up', 'message']),
    },
    machineMessage: { value: '' },
    parameters: { value: '{}', label: text('twilio-dial.label.parameters'), validate: check.headers() },
    options: { value: '{}', label: text('common.label.options'), validate: check.json() },
    headers: { value: '{}', label: text('common.label.headers'), validate: check.headers() },
  },
  paletteLabel() {
    return this._('twilio-dial.label.node');
  },
  label() {
    return this.name || this._('twilio-dial.label.node');
  },
  labelStyle() {
    return this.name ? 'node_label_italic' : '';
  },
  inputLabels() {
    return this._('twilio-dial.input.order');
  },
  outputLabels() {
    return this._('twilio-dial.output.call');
  },
  oneditprepare() {
    // A node within a subflow can be entered from there only: outside it has another id.
    const { z } = this as unknown as { z: string };
    const doors = RED.nodes
      .filterNodes({ type: 'twilio-in' })
      .map((node) => node as unknown as { id: string; z: string; name: string; path: string })
      .filter((node) => node.z === z || !RED.nodes.subflow(node.z))
      .map(({ id, name, path }) => ({ value: id, label: name ? `${name} (${path})` : path }));
    choiceField(this, 'enter', doors);
    choiceField(this, 'detection', [
      { value: 'off', label: this._('twilio-dial.detection.off') },
      { value: 'detect', label: this._('twilio-dial.detection.detect') },
      { value: 'detect_beep', label: this._('twilio-dial.detection.detect_beep') },
    ]);
    const onMachine = choiceField(this, 'onMachine', [
      { value: 'talk', label: this._('twilio-dial.onMachine.talk') },
      { value: 'hang-up', label: this._('twilio-dial.onMachine.hang-up') },
      { value: 'message', label: this._('twilio-dial.onMachine.message') },
    ]);
    const show = () => {
      const value = onMachine.val();
      $('.voice-agent-machine-message').toggle(value !== 'talk' && value !== 'hang-up');
    };
    onMachine.on('change', show);
    show();
    for (const property of ['parameters', 'options', 'headers']) jsonField(this, property);
    openFaulty();
  },
});
