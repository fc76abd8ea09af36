import { openFaulty } from '../call/dialog.editor';

interface Properties {
  version: number;
  name: string;
  lastResort: boolean;
  lastResortText: string;
}

RED.nodes.registerType<Properties>('telnyx-out', {
  category: 'voice agent',
  color: '#E9B0B4',
  inputs: 1,
  outputs: 0,
  icon: 'voice-telnyx-out.svg',
  align: 'right',
  defaults: {
    version: { value: 1 },
    name: { value: '' },
    lastResort: { value: true },
    lastResortText: { value: 'We are sorry, there is a technical problem.' },
  },
  paletteLabel() {
    return this._('telnyx-out.label.node');
  },
  label() {
    return this.name || this._('telnyx-out.label.node');
  },
  labelStyle() {
    return this.name ? 'node_label_italic' : '';
  },
  inputLabels() {
    return this._('telnyx-out.input.speech');
  },
  oneditprepare() {
    const lastResort = $('#node-input-lastResort');
    const show = () => {
      $('.voice-agent-last-resort').toggle(lastResort.is(':checked'));
    };
    lastResort.on('change', show);
    show();
    openFaulty();
  },
});
