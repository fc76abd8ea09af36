import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { isSid, readReport } from '../../../nodes/twilio/reports';

const RE = `RE${'6b1f0c2d'.repeat(4)}`;
const GT = `GT${'1d2c3b4a'.repeat(4)}`;

describe('a report of Twilio’s', () => {
  it('of a recording says how long it is and where it can be had, when it is there', () => {
    const params = {
      RecordingSid: RE,
      RecordingStatus: 'completed',
      RecordingDuration: '63',
      RecordingChannels: '2',
      RecordingUrl: `https://api.twilio.com/2010-04-01/Accounts/AC0/Recordings/${RE}`,
    };
    const url = `${params.RecordingUrl}.wav`;
    assert.deepEqual(readReport('recording', params), {
      id: RE,
      mark: 'completed',
      payload: {
        recordingId: RE,
        status: 'completed',
        durationMs: 63_000,
        channels: 2,
        url,
        format: 'wav',
        raw: params,
      },
    });
    const begun = readReport('recording', { ...params, RecordingStatus: 'in-progress', RecordingDuration: '-1' });
    const { raw: _, ...payload } = begun?.payload ?? {};
    assert.deepEqual(payload, { recordingId: RE, status: 'in-progress', channels: 2 });
    const absent = readReport('recording', { RecordingSid: RE, RecordingStatus: 'absent', ErrorCode: '16101' });
    assert.equal(absent?.payload.status, 'absent');
  });

  it('of a transcription has its words, whose they are, and how sure the engine is', () => {
    const read = (more: Record<string, string>): Record<string, unknown> => {
      const { raw: _, ...payload } = readReport('transcription', { TranscriptionSid: GT, ...more })?.payload ?? {};
      return payload;
    };
    const said = (data: string, more = {}): Record<string, unknown> =>
      read({ TranscriptionEvent: 'transcription-content', Track: 'inbound_track', TranscriptionData: data, ...more });
    const final = { transcriptionId: GT, status: 'final', track: 'inbound' };
    assert.deepEqual(said('{"transcript":"hello","confidence":0.9}', { Final: 'true' }), { ...final, text: 'hello', confidence: 0.9 }); // prettier-ignore
    assert.deepEqual(said('{"transcript":"hel"}', { Final: 'false', Track: 'outbound_track' }), { ...final, status: 'partial', track: 'outbound', text: 'hel' }); // prettier-ignore
    for (const garbage of ['', '{', 'null', '[]', '{"transcript":7}']) assert.deepEqual(said(garbage), { ...final, text: '' }); // prettier-ignore
    assert.deepEqual(read({ TranscriptionEvent: 'transcription-started' }).status, 'started');
    assert.deepEqual(read({ TranscriptionEvent: 'transcription-stopped' }).status, 'stopped');
    for (const names of [
      { TranscriptionErrorCode: '32651', TranscriptionError: 'no' },
      { ErrorCode: '32651', ErrorMessage: 'no' },
    ] as Record<string, string>[]) {
      const failed = read({ TranscriptionEvent: 'transcription-error', ...names });
      assert.deepEqual([failed.status, failed.error], ['failed', 'no (32651)']);
    }
  });

  it('that is none is not read', () => {
    for (const params of [
      {},
      { RecordingSid: RE },
      { RecordingSid: RE, RecordingStatus: 'new' },
      { RecordingSid: '../x', RecordingStatus: 'completed' },
      { TranscriptionSid: GT, TranscriptionEvent: 'transcription-started' },
    ] as Record<string, string>[]) {
      assert.equal(readReport('recording', params), undefined);
    }
    assert.equal(readReport('transcription', { TranscriptionSid: GT, TranscriptionEvent: 'new' }), undefined);
    assert.equal(readReport('transcription', { RecordingSid: RE, RecordingStatus: 'completed' }), undefined);
  });

  it('names things by what can stand in a URL', () => {
    assert.ok(isSid(RE));
    for (const wrong of ['', 'RE', `${RE}0`, RE.replace('6', '/'), RE.toLowerCase(), `${RE}\n`])
      assert.ok(!isSid(wrong));
  });
});
