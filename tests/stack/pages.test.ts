import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startMail } from '../../local/mail/server.ts';
import type { ProviderName } from '../../supabase/functions/_shared/payments/provider.ts';
import { startRig } from '../payments/sandbox.ts';
import { freePort } from '../support/free-port.ts';

async function read(url: string): Promise<string> {
  return (await fetch(url)).text();
}

/** The addresses that a page links to, as a browser opens them. */
function links(text: string, base: string): string[] {
  const found = [...text.matchAll(/<a href="([^"]+)"/g)];
  return found.map(([, href = '']) => new URL(href.replaceAll('&amp;', '&'), base).href);
}

const pages: [rail: ProviderName, title: string][] = [
  ['vnpay', 'VNPay'],
  ['momo', 'MoMo'],
  ['zalopay', 'ZaloPay'],
  ['payos', 'PayOS'],
  ['stripe', 'Stripe'],
];

describe('the pages of the sandbox', () => {
  it.each(pages)('of %s link an open payment with the list, and back', async (rail, title) => {
    const rig = await startRig(rail);
    onTestFinished(() => rig.close());
    const { redirectUrl } = await rig.checkout();
    // VNPay learns of a payment when its link is opened
    const opened = await read(redirectUrl ?? '');
    const list = `${rig.url}/${rail}`;
    const linked = links(await read(list), list).filter((url) => url !== `${rig.url}/`);
    expect(linked).toHaveLength(1);
    const page = await read(linked[0] ?? '');
    expect(page).toBe(opened);
    expect(links(page, list)).toEqual([`${rig.url}/`, list]);
    expect(page).toContain(`${title} sandbox`);
  });

  it.each(pages)('of %s write money and times as our mails do', async (rail) => {
    const rig = await startRig(rail);
    onTestFinished(() => rig.close());
    const { redirectUrl, reference } = await rig.checkout();
    const page = await read(redirectUrl ?? '');
    expect(page).toContain('1.500.000 VND');
    expect(page).toMatch(/Payable until<\/dt><dd>\d\d:\d\d \d\d\/\d\d\/\d{4}</);
    await rig.pay({ redirectUrl, reference, outcome: 'success' });
    const list = await read(`${rig.url}/${rail}`);
    expect(list).toContain('1.500.000 VND');
    expect(list).toMatch(/<li>\d\d:\d\d \d\d\/\d\d\/\d{4} → <code>/);
    expect(list).not.toMatch(/\d,\d{3} VND|\d{4}-\d\d-\d\dT/);
  });

  it('of the bank name it, and lead back to its account and the other providers', async () => {
    const rig = await startRig('vietqr');
    onTestFinished(() => rig.close());
    const { qrPayload } = await rig.checkout();
    const page = await read(`${rig.url}/vietqr/scan?qr=${encodeURIComponent(qrPayload)}`);
    expect(page).toContain('Transfer 1.500.000 VND');
    expect(page).toContain('Bank transfer (VietQR) sandbox');
    expect(links(page, rig.url)).toEqual([`${rig.url}/`, `${rig.url}/vietqr`]);
  });

  it('do not break words in the cells of a table, and scroll instead', async () => {
    const rig = await startRig('momo');
    onTestFinished(() => rig.close());
    await rig.checkout();
    const list = await read(`${rig.url}/momo`);
    const rule = /\bth, td \{([^}]*)\}/.exec(list)?.[1] ?? '';
    expect(rule).toContain('text-align');
    expect(rule).not.toContain('overflow-wrap');
    expect(list).toMatch(/<div class="wide"><table>/);
    expect(list).toMatch(/<td class="whole"><a /);
  });
});

describe('the mail page', () => {
  it('refreshes itself, fits a phone and the dark, and links each mail with the list', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'journey-mail-'));
    const port = await freePort();
    const mail = await startMail({ host: '127.0.0.1', port, dir });
    onTestFinished(async () => {
      await mail.close();
      rmSync(dir, { recursive: true });
    });
    const base = `http://127.0.0.1:${port}`;
    await fetch(`${base}/emails`, {
      method: 'POST',
      headers: { authorization: 'Bearer re_local', 'content-type': 'application/json' },
      body: JSON.stringify({
        ...{ from: 'a@journey.local', to: 'renter@journey.local', subject: 'Paid <now>' },
        ...{ text: 'Dear renter', html: '<p>Dear "renter"</p>' },
      }),
    });
    const list = await read(base);
    expect(list).toContain('<meta http-equiv="refresh" content="5">');
    expect(list).toContain('Paid &lt;now&gt;');
    expect(list).toMatch(/\d\d:\d\d \d\d\/\d\d\/\d{4} to renter@journey\.local/);
    const [address = ''] = links(list, base);
    const page = await read(address);
    expect(page).toContain('srcdoc="&lt;p&gt;Dear &quot;renter&quot;&lt;/p&gt;"');
    expect(links(page, base)).toEqual([`${base}/`]);
    // a mail that is being read stays where it is
    expect(page).not.toContain('http-equiv="refresh"');
    for (const text of [list, page]) {
      expect(text).toContain('width=device-width');
      expect(text).toContain('color-scheme: light dark');
      expect(text).not.toMatch(/color: ?#1c1c1c|<table/);
    }
  });
});
