/** The state that this process has once: it outlives node instances. (Never bundled: each bundle would have its own.) */
import { Gate } from './gate';
import { Registry } from './registry';

export const registry = new Registry();
export const gate = new Gate();
