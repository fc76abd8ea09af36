/** An answer laid out in time, whichever API it is for. */

/** One thing to send; a step that carries a token waits its time, the others go with the step before. */
export interface Step {
  /** SSE text. */
  frames: string;
  /** Spoken text in it. */
  text: string;
  /** Is this a token of the model? */
  token: boolean;
}

export interface Script {
  /** Sent as soon as the request is accepted. */
  head: string;
  steps: Step[];
  /** SSE text for an error in the middle of the stream. */
  failure: (code: string, message: string) => string;
  /** The whole answer, for requests without `stream`. */
  whole: Record<string, unknown>;
}

/** Arguments of a function call in a few pieces, as they stream. */
export function argumentPieces(text: string): string[] {
  return text.match(/[\s\S]{1,12}/gu) ?? [];
}
