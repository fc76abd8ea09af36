import { catalogue, checks } from '../call/dialog.editor';

interface Properties {
  version: number;
  name: string;
  baseUrl: string;
}

interface Credentials {
  apiKey: string;
}

const text = catalogue('elevenlabs-account');
const check = checks('elevenlabs-account');

RED.nodes.registerType<Properties, Credentials>('elevenlabs-account', {
  category: 'config',
  defaults: {
    version: { value: 1 },
    name: { value: '' },
    baseUrl: { value: '', label: text('common.label.baseUrl'), validate: check.url(['https', 'http', 'wss', 'ws']) },
  },
  credentials: {
    apiKey: { type: 'password' },
  },
  label() {
    return this.name || this._('elevenlabs-account.label.node');
  },
  labelStyle() {
    return this.name ? 'node_label_italic' : '';
  },
});
