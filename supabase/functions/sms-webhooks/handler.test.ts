import { describe, expect, it } from 'vitest';
import { fakeOutside } from '../../../tests/support/fakes.ts';
import { reportUrl } from '../_shared/sms/reports.ts';
import { handle } from './handler.ts';

const secret = 'a secret of at least sixteen letters';
const delivery = '6f1c2d3e-0000-4000-8000-000000000009';
const other = '6f1c2d3e-0000-4000-8000-000000000010';
const said = {
  SMSID: 'abc',
  SendFailed: '0',
  SendStatus: '5',
  SendSuccess: '1',
  TotalReceiver: '1',
  TypeId: '2',
};

async function report(query: Record<string, string>, url?: string, smsReportSecret: string | null = secret) {
  const { deps, calls } = fakeOutside({ sms_reported: () => delivery });
  const address = url ?? (await reportUrl('http://x', secret, delivery));
  const answer = await handle({ ...deps, smsReportSecret })(
    new Request(`${address}?${new URLSearchParams(query)}`),
  );
  return { status: answer.status, reported: calls.map(({ args }) => args) };
}

describe('what eSMS reports', () => {
  it('is recorded when the message arrived or failed', async () => {
    expect(await report(said)).toEqual({
      status: 200,
      reported: [{ delivery_id: delivery, sms_id: 'abc', status: 'delivered', detail: null }],
    });
    for (const query of [
      { ...said, SendSuccess: '0', SendFailed: '1' },
      { ...said, SendStatus: '4', SendSuccess: '0' },
    ]) {
      const { reported } = await report(query);
      expect(reported).toMatchObject([{ status: 'failed', detail: `eSMS: SendStatus ${query.SendStatus}` }]);
    }
  });

  it('says nothing yet while the message is under way', async () => {
    for (const SendStatus of ['1', '2', '7']) {
      expect(await report({ ...said, SendStatus, SendSuccess: '0' })).toEqual({ status: 200, reported: [] });
    }
  });

  it('is refused at an address that we did not give out', async () => {
    const forOther = await reportUrl('http://x', secret, other);
    const addresses = [
      forOther.replace(other, delivery),
      `http://x/sms-webhooks/esms/${delivery}/`.concat('0'.repeat(64)),
      forOther.replace(other, 'not-a-uuid'),
      await reportUrl('http://x', 'another secret of sixteen', delivery),
    ];
    for (const address of addresses)
      expect(await report(said, address)).toEqual({ status: 401, reported: [] });
    expect(await report(said, undefined, null)).toEqual({ status: 401, reported: [] });
  });

  it('is refused when it is no report', async () => {
    expect(await report({ SendStatus: '5' })).toEqual({ status: 400, reported: [] });
  });
});
