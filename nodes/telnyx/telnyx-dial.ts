import type { NodeAPI } from 'node-red';
import { registerDialNode } from '../call/dial/node';
import { refused } from '../call/dial/order';
import { readTelnyxDialSettings } from './dial-settings';
import { deskOf } from './front-desk';

const TYPE = 'telnyx-dial';

/** Calls a number by Telnyx; the answered call enters the flow at a `telnyx-in`. */
export = (RED: NodeAPI): void =>
  registerDialNode(RED, {
    type: TYPE,
    settings: readTelnyxDialSettings,
    lines(settings) {
      const desk = deskOf(settings.enter);
      if (!desk) throw refused(TYPE, 'the telnyx-in that the answered call enters is missing or disabled: choose one.');
      if (desk.accountId !== settings.account.id) {
        throw refused(
          TYPE,
          'this node and the telnyx-in that the call enters have different accounts: choose the same.',
        );
      }
      return {
        full: desk.full,
        maxCalls: desk.maxCalls,
        dial: (order) => desk.dial(order, settings),
      };
    },
  });
