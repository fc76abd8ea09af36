import type { HeardWord } from './ear';

/** What waiting for a word needs of a call. */
interface Listened {
  readonly isOver: boolean;
  on(event: 'word', listener: (word: HeardWord) => void): unknown;
  once(event: 'ended', listener: () => void): unknown;
  off(event: 'word', listener: (word: HeardWord) => void): unknown;
  off(event: 'ended', listener: () => void): unknown;
}

/** Resolves at the first word for which the test holds, `known` ones first; rejects when the call ends before. */
export function whenHeard(
  call: Listened,
  known: readonly HeardWord[],
  test: (word: HeardWord, textSoFar: string) => boolean,
): Promise<HeardWord> {
  let text = '';
  const check = (word: HeardWord): boolean => {
    text = text ? `${text} ${word.text}` : word.text;
    return test(word, text);
  };
  const found = known.find(check);
  if (found) return Promise.resolve(found);
  if (call.isOver) return Promise.reject(new Error(`The call is over; heard: "${text}"`));
  return new Promise((resolve, reject) => {
    const onWord = (word: HeardWord): void => {
      if (!check(word)) return;
      call.off('word', onWord);
      call.off('ended', onEnded);
      resolve(word);
    };
    const onEnded = (): void => {
      call.off('word', onWord);
      reject(new Error(`The call ended before it was heard; heard: "${text}"`));
    };
    call.on('word', onWord);
    call.once('ended', onEnded);
  });
}
