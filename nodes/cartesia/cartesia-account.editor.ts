import { catalogue, checks } from '../call/dialog.editor';

interface Properties {
  version: number;
  name: string;
  baseUrl: string;
}

interface Credentials {
  apiKey: string;
}

const text = catalogue('cartesia-account');
const check = checks('cartesia-account');

RED.nodes.registerType<Properties, Credentials>('cartesia-account', {
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
    return this.name || this._('cartesia-account.label.node');
  },
  labelStyle() {
    return this.name ? 'node_label_italic' : '';
  },
});
