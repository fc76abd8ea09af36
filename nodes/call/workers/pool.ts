import type { OpenedCall } from '../carrier/open-call';
import type { InSettings } from '../carrier/in-settings';
import type { Carrier } from '../carrier';
import type { AnswerSettings } from '../dial/answer';
import type { CallInfo } from '../message';
import type { NodeSlot } from '../node-slot';

export const workerPool = {
  open(
    _slot: NodeSlot<InSettings>,
    _info: CallInfo,
    _carrier: Carrier,
    _counted: () => void,
    _answer?: AnswerSettings,
  ): OpenedCall {
    throw new Error('not yet');
  },
  tellAfterwards(_ownerId: string, _topic: string, _payload: Record<string, unknown>, _info: CallInfo): boolean {
    return false;
  },
};
