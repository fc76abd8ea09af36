import { catalogue, checks } from '../call/dialog.editor';

interface Properties {
  version: number;
  name: string;
  publicUrl: string;
  baseUrl: string;
}

interface Credentials {
  accountSid: string;
  authToken: string;
  apiKeySid: string;
  apiKeySecret: string;
}

const text = catalogue('twilio-account');
const check = checks('twilio-account');

RED.nodes.registerType<Properties, Credentials>('twilio-account', {
  category: 'config',
  defaults: {
    version: { value: 1 },
    name: { value: '' },
    publicUrl: {
      value: '',
      label: text('twilio-account.label.publicUrl'),
      validate: check.url(['https', 'http'], { required: true }),
    },
    baseUrl: { value: '', label: text('common.label.baseUrl'), validate: check.url(['https', 'http']) },
  },
  credentials: {
    accountSid: { type: 'text' },
    authToken: { type: 'password' },
    apiKeySid: { type: 'text' },
    apiKeySecret: { type: 'password' },
  },
  label() {
    return this.name || this._('twilio-account.label.node');
  },
  labelStyle() {
    return this.name ? 'node_label_italic' : '';
  },
});
