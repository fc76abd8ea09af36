import { catalogue, checks } from '../call/dialog.editor';

interface Properties {
  version: number;
  name: string;
  publicUrl: string;
  baseUrl: string;
}

interface Credentials {
  apiKey: string;
  publicKey: string;
}

const text = catalogue('telnyx-account');
const check = checks('telnyx-account');

RED.nodes.registerType<Properties, Credentials>('telnyx-account', {
  category: 'config',
  defaults: {
    version: { value: 1 },
    name: { value: '' },
    publicUrl: {
      value: '',
      label: text('telnyx-account.label.publicUrl'),
      validate: check.url(['https', 'http'], { required: true }),
    },
    baseUrl: { value: '', label: text('common.label.baseUrl'), validate: check.url(['https', 'http']) },
  },
  credentials: {
    apiKey: { type: 'password' },
    publicKey: { type: 'text' },
  },
  label() {
    return this.name || this._('telnyx-account.label.node');
  },
  labelStyle() {
    return this.name ? 'node_label_italic' : '';
  },
});
