import { afterAll, describe, expect, it } from 'vitest';
import {
  type Attachment,
  createJourney,
  type Media,
  type MediaPurpose,
  type Message,
  type QueueStorage,
} from '../../sdk/src/index.ts';
import { docx, docxType, film, pdf, placeOfFilm } from '../media/files-to-upload.ts';
import { noise } from '../media/pictures-to-upload.ts';
import { setting } from '../support/setting.ts';
import {
  closeSql,
  eventually,
  invariantViolations,
  ok,
  type Person,
  person,
  refusal,
  sql,
} from '../support/world.ts';

afterAll(closeSql);

const upload = (one: Person, purpose: MediaPurpose, file: Uint8Array, mimeType: string): Promise<Media> =>
  ok(one.journey.media.upload({ purpose, file, mimeType }, { waitMs: 60_000 }));

async function friends(): Promise<{ one: Person; two: Person; id: string }> {
  const [one, two] = await Promise.all([person('one'), person('two')]);
  const { id } = await ok(one.journey.chat.createGroup('Trip', [two.id]));
  await ok(two.journey.chat.answerRequest(id, true));
  return { one, two, id };
}

async function newest({ journey }: Person, conversationId: string): Promise<Message> {
  const { rows } = await ok(journey.chat.messages({ conversationId, pageSize: 1 }));
  if (!rows[0]) throw new Error('there is no message');
  return rows[0];
}

/** What Storage answers to a person who names the file. */
async function statusOf(
  { journey }: Person,
  { bucket, path }: { bucket: string; path: string },
): Promise<number> {
  const { data } = await journey.supabase.auth.getSession();
  const answer = await fetch(`${setting('API_URL')}/storage/v1/object/authenticated/${bucket}/${path}`, {
    headers: {
      apikey: setting('PUBLISHABLE_KEY'),
      authorization: `Bearer ${data.session?.access_token}`,
    },
  });
  await answer.arrayBuffer();
  return answer.status;
}

async function bytesAt(url: string | null | undefined): Promise<Uint8Array> {
  const answer = await fetch(url ?? '');
  expect(answer.status).toBe(200);
  return new Uint8Array(await answer.arrayBuffer());
}

const placeOf = ({ bucket, path }: Attachment): { bucket: string; path: string } => {
  if (bucket === null || path === null) throw new Error('the file cannot be opened');
  return { bucket, path };
};

/** Files that are left of an upload, whatever they are. */
const leftOf = (mediaId: string) =>
  sql<{ name: string }>(`select name from storage.objects where name like '%' || $1 || '%'`, [mediaId]);

describe('files of messages', () => {
  it('come in several kinds at once to the other side, films without the place where they were taken', async () => {
    const { one, two, id } = await friends();
    const [photo, shot, bill, letter] = await Promise.all([
      upload(one, 'chat_image', await noise(800, 600), 'image/jpeg'),
      upload(one, 'chat_video', film({ turned: true }), 'video/mp4'),
      upload(one, 'chat_document', pdf(), 'application/pdf'),
      upload(one, 'chat_document', docx(), docxType),
    ]);
    const files = [photo, shot, bill, letter].map(({ id: mediaId }, i) => ({
      mediaId,
      name: `/tmp/Tệp ${i}`,
    }));
    await ok(one.journey.chat.send(id, { body: 'Everything', files }));
    const { attachments, body } = await newest(two, id);
    expect(body).toBe('Everything');
    expect(attachments).toMatchObject([
      { media_id: photo?.id, kind: 'image', file_name: 'Tệp 0', width: 800, height: 600, status: 'ready' },
      { media_id: shot?.id, kind: 'video', mime_type: 'video/mp4', width: 360, height: 640 },
      {
        media_id: bill?.id,
        kind: 'document',
        mime_type: 'application/pdf',
        width: null,
        byte_size: bill?.byte_size,
      },
      { media_id: letter?.id, kind: 'document', mime_type: docxType },
    ]);
    const urls = await ok(two.journey.chat.fileUrls(attachments, { size: 'thumbnail' }));
    expect((await bytesAt(urls[0])).length).toBeGreaterThan(100);
    const served = Buffer.from(await bytesAt(urls[1]));
    expect(served.length).toBe(shot?.byte_size);
    expect(served.includes(placeOfFilm)).toBe(false);
    expect(
      Buffer.from(await bytesAt(urls[2]))
        .subarray(0, 5)
        .toString(),
    ).toBe('%PDF-');
    expect(
      Buffer.from(await bytesAt(urls[3]))
        .subarray(0, 2)
        .toString(),
    ).toBe('PK');
  });

  it('are opened by nobody who has left, was removed, or was never there', async () => {
    const { one, two, id } = await friends();
    const stranger = await person('stranger');
    const invited = await person('invited');
    await ok(one.journey.chat.addMembers(id, [invited.id]));
    const { id: mediaId } = await upload(one, 'chat_image', await noise(400, 300), 'image/jpeg');
    await ok(one.journey.chat.send(id, { files: [{ mediaId }] }));
    const { attachments } = await newest(two, id);
    const [file] = attachments.map(placeOf);
    if (!file) throw new Error('the message has no file');
    const thumbnail = { ...file, path: file.path.replace('large.jpeg', 'thumbnail.webp') };
    for (const shown of [file, thumbnail]) {
      expect(await statusOf(two, shown)).toBe(200);
      for (const other of [stranger, invited]) {
        expect(await statusOf(other, shown)).not.toBe(200);
        expect(await refusal(other.journey.media.signedUrl(shown))).toBe('not_found');
      }
    }
    await ok(two.journey.chat.leave(id));
    for (const shown of [file, thumbnail]) {
      expect(await statusOf(two, shown)).not.toBe(200);
      expect(await refusal(two.journey.media.signedUrl(shown))).toBe('not_found');
    }
    const { rows } = await ok(two.journey.chat.messages({ conversationId: id }));
    const kept = rows.find(({ attachments: those }) => those.length > 0)?.attachments ?? [];
    expect(kept).toMatchObject([{ media_id: mediaId, bucket: null, path: null }]);
    expect(await ok(two.journey.chat.fileUrls(kept))).toEqual([null]);
  });

  it('are gone for everybody when they, or their message, are deleted: rows, bytes and sizes', async () => {
    const { one, two, id } = await friends();
    const [photo, bill] = await Promise.all([
      upload(one, 'chat_image', await noise(400, 300), 'image/jpeg'),
      upload(one, 'chat_document', pdf(), 'application/pdf'),
    ]);
    const files = [{ mediaId: photo?.id ?? '' }, { mediaId: bill?.id ?? '', name: 'secret plan.pdf' }];
    const { seq } = await ok(one.journey.chat.send(id, { body: 'Both', files }));
    const { attachments } = await newest(two, id);
    const [shown, document] = attachments.map(placeOf);
    const urls = await ok(two.journey.chat.fileUrls(attachments));
    if (!shown || !document) throw new Error('the message has no files');

    expect(await refusal(two.journey.chat.removeFile(files[1]?.mediaId ?? ''))).toBe('media_not_found');
    await ok(one.journey.chat.removeFile(files[1]?.mediaId ?? ''));
    expect(await statusOf(two, document)).not.toBe(200);
    expect((await newest(two, id)).attachments).toMatchObject([{ media_id: photo?.id }]);
    await ok(one.journey.chat.remove(id, seq));
    expect(await newest(two, id)).toMatchObject({ body: null, attachments: [] });
    for (const { mediaId } of files)
      await eventually(async () => ((await leftOf(mediaId)).length === 0 ? true : null));
    for (const url of urls) {
      const answer = await fetch(url ?? '');
      await answer.arrayBuffer();
      expect(answer.status).not.toBe(200);
    }
    await eventually(async () => {
      const rows = await sql('select from public.media_derivatives where media_id = $1', [photo?.id]);
      return rows.length === 0 ? true : null;
    });
    expect(await sql(`select from public.message_attachments where file_name like 'secret%'`)).toEqual([]);
  });

  it('can be sent while they are processed, and the other side hears when they can be opened', async () => {
    const { one, two, id } = await friends();
    const heard = new Map<number, Message>();
    const open = await ok(
      two.journey.chat.watch(id, { onMessage: (message) => heard.set(message.seq, message) }),
    );
    const file = await noise(3000, 2000);
    const media = await ok(
      one.journey.media.upload({ purpose: 'chat_image', file, mimeType: 'image/jpeg' }, { waitMs: 0 }),
    );
    const { seq } = await ok(one.journey.chat.send(id, { files: [{ mediaId: media.id }] }));
    await expect
      .poll(() => heard.get(seq)?.attachments[0])
      .toMatchObject({ status: 'ready', width: 2048, height: 1365 });
    open.unsubscribe();
    await two.journey.close();
  });

  it('are deleted without a deadlock while others of them become ready', async () => {
    const { one, two, id } = await friends();
    const messages = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const file = await noise(600, 400);
        const uploading = { purpose: 'chat_image', file, mimeType: 'image/jpeg' } as const;
        const { id: mediaId } = await ok(one.journey.media.upload(uploading, { waitMs: 0 }));
        const { seq } = await ok(one.journey.chat.send(id, { files: [{ mediaId }] }));
        return { mediaId, seq };
      }),
    );
    const { seq: hello } = await ok(one.journey.chat.send(id, { body: 'Hello' }));
    // by its message, by itself, and not at all
    await Promise.all(
      messages.map(async ({ mediaId, seq }, i) => {
        if (i % 3 === 0) await ok(one.journey.chat.remove(id, seq));
        if (i % 3 === 1) await ok(one.journey.chat.removeFile(mediaId));
        await ok(two.journey.chat.react(id, hello, ['👍', '🎉', '😀', '🚗', '🌧', '🔑'][i] ?? '👍'));
      }),
    );
    await eventually(async () => {
      const { rows } = await ok(two.journey.chat.messages({ conversationId: id }));
      const files = rows.flatMap(({ attachments }) => attachments);
      return files.length === 2 && files.every(({ status }) => status === 'ready') ? true : null;
    });
    for (const { mediaId } of messages.filter((_, i) => i % 3 < 2))
      await eventually(async () => ((await leftOf(mediaId)).length === 0 ? true : null));
    expect(await invariantViolations(id)).toEqual([]);
  });

  const forged: [name: string, purpose: MediaPurpose, type: string, bytes: () => Uint8Array, code: string][] =
    [
      [
        'an SVG',
        'chat_image',
        'image/png',
        () => new TextEncoder().encode('<svg><script/></svg>'),
        'media_mismatch',
      ],
      [
        'a page',
        'chat_document',
        'application/pdf',
        () => new TextEncoder().encode('<html>'),
        'media_mismatch',
      ],
      ['a program', 'chat_document', docxType, () => new TextEncoder().encode('MZ\x90\0'), 'media_mismatch'],
      ['a page', 'chat_video', 'video/mp4', () => new TextEncoder().encode('<html>'), 'media_mismatch'],
      [
        'an archive with a program',
        'chat_document',
        docxType,
        () => docx({ 'a/x.exe': 'MZ' }),
        'media_extra_data',
      ],
      ['a page by its own name', 'chat_document', 'text/html', () => new Uint8Array(9), 'media_type_refused'],
    ];
  it('are refused when they are something else than they say', async () => {
    const one = await person('forger');
    for (const [name, purpose, mimeType, bytes, code] of forged) {
      const call = one.journey.media.upload({ purpose, mimeType, file: bytes() });
      expect([name, await refusal(call)]).toEqual([name, code]);
    }
  });

  it('are in one message only, when two are sent at once', async () => {
    const { one, id } = await friends();
    const { id: mediaId } = await upload(one, 'chat_document', pdf(), 'application/pdf');
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, i) => one.journey.chat.send(id, { body: `${i}`, files: [{ mediaId }] })),
    );
    expect(answers.map(({ error }) => error?.code).sort()).toEqual([
      ...Array(5).fill('media_in_use'),
      undefined,
    ]);
    const numbers = await sql<{ seq: string }>(
      'select seq from public.messages where conversation_id = $1 order by seq',
      [id],
    );
    expect(numbers.map(({ seq }) => Number(seq))).toEqual(numbers.map((_, i) => i + 1));
  });

  it('are uploaded and sent once from a queue, also when the app was killed in between', async () => {
    const { one, two, id } = await friends();
    const stored = new Map<string, string>();
    const storage: QueueStorage = {
      getItem: (key) => stored.get(key) ?? null,
      setItem: (key, value) => stored.set(key, value),
    };
    const disk = new Map([['photos/1', await noise(300, 200)]]);
    const readFile = async (local: string) => {
      const bytes = disk.get(local);
      if (!bytes) throw new Error('no such file');
      return bytes;
    };
    const { data } = await one.journey.supabase.auth.getSession();
    let sending = false;
    const app = createJourney({
      url: setting('API_URL'),
      publishableKey: setting('PUBLISHABLE_KEY'),
      auth: { persistSession: false, autoRefreshToken: false },
      retry: { retries: 0 },
      fetch: async (input, init) => {
        if (!sending && String(input).includes('/rpc/send_message')) throw new TypeError('fetch failed');
        return fetch(input, init);
      },
    });
    await app.supabase.auth.setSession({
      access_token: data.session?.access_token ?? '',
      refresh_token: data.session?.refresh_token ?? '',
    });
    const local = {
      local: 'photos/1',
      purpose: 'chat_image',
      mimeType: 'image/jpeg',
      name: 'one.jpg',
    } as const;
    const killed = await ok(app.chat.queue(storage, { readFile }));
    await killed.add(id, { files: [local] });
    await killed.flush();
    killed.stop();
    // it is uploaded, and the device may lose it now
    disk.clear();
    expect(killed.waiting).toMatchObject([{ files: [{ mediaId: expect.any(String) }] }]);

    sending = true;
    const refused: string[] = [];
    const queue = await ok(
      app.chat.queue(storage, { readFile, onRefused: (_, error) => refused.push(error.code) }),
    );
    await queue.add(id, { body: 'lost', files: [{ ...local, local: 'photos/2' }] });
    await queue.add(id, { body: 'and a text' });
    await expect.poll(() => queue.waiting.length).toBe(0);
    expect(refused).toEqual(['media_not_found']);
    const { rows } = await ok(two.journey.chat.messages({ conversationId: id, pageSize: 2 }));
    expect(rows).toMatchObject([
      { body: 'and a text' },
      { body: null, attachments: [{ file_name: 'one.jpg' }] },
    ]);
    queue.stop();
    await app.close();
  });
});

describe('the picture of a group', () => {
  it('is seen by its members and nobody else', async () => {
    const { one, two, id } = await friends();
    const stranger = await person('stranger');
    const { id: mediaId } = await upload(one, 'group_avatar', await noise(400, 400), 'image/jpeg');
    expect(await refusal(two.journey.chat.setGroupAvatar(id, mediaId))).toBe('forbidden');
    await ok(one.journey.chat.setGroupAvatar(id, mediaId));
    const { rows } = await ok(two.journey.chat.list());
    const picture = { bucket: 'group_avatars', path: rows[0]?.group_avatar_path ?? '' };
    expect((await bytesAt(await ok(two.journey.media.url(picture, 'thumbnail')))).length).toBeGreaterThan(
      100,
    );
    expect(await refusal(stranger.journey.media.url(picture, 'thumbnail'))).toBe('not_found');
    await ok(two.journey.chat.leave(id));
    expect(await statusOf(two, picture)).not.toBe(200);
    await ok(one.journey.chat.setGroupAvatar(id, null));
    await eventually(async () => ((await leftOf(mediaId)).length === 0 ? true : null));
  });
});
