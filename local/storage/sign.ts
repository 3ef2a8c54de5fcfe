import { jwtVerify } from 'jose';
import { z } from 'zod';
import { signToken } from '../gateway/caller.ts';
import type { Call, Service } from './call.ts';
import { failures } from './errors.ts';
import { checkKey } from './names.ts';
import { findObject, probeWrite } from './rows.ts';

/** How long a signed upload address is valid, as on the hosted platform. */
const uploadSeconds = 7200;

const seconds = z.int().min(1);
const signBody = z.object({
  expiresIn: seconds,
  transform: z.record(z.string(), z.unknown()).optional(),
  versionId: z.string().optional(),
});
const signManyBody = z.object({ expiresIn: seconds, paths: z.array(z.string()).min(1).max(1000) });

/** What a signed address allows. It is no user token: it has no role. */
export interface SignedClaims {
  url: string;
  scope: 'download' | 'upload';
  exp: number;
  owner?: string;
  upsert?: boolean;
}

const downloadUrl = async (service: Service, bucket: string, key: string, expiresIn: number) => {
  const token = await signToken(service.keys, { url: `${bucket}/${key}`, scope: 'download' }, expiresIn);
  return `/object/sign/${bucket}/${key}?token=${token}`;
};

/** POST /object/sign/{bucket}/{key}: a caller who may read the file may share it for some time. */
export async function signDownload(
  service: Service,
  call: Call,
  bucket: string,
  key: string,
): Promise<Response> {
  const actor = await call.actor('storage.object.sign');
  const { expiresIn, transform, versionId } = await call.json(signBody);
  if (versionId !== undefined) throw failures.notEnabled('object versioning');
  checkKey(key);
  await service.db.run(actor, (tx) => findObject(tx, bucket, key));
  if (!transform) return Response.json({ signedURL: await downloadUrl(service, bucket, key, expiresIn) });
  const claims = { url: `${bucket}/${key}`, scope: 'download', transformations: transform };
  const token = await signToken(service.keys, claims, expiresIn);
  return Response.json({ signedURL: `/render/image/sign/${bucket}/${key}?token=${token}` });
}

/** POST /object/sign/{bucket}: the same for many files. A missing file fails only its own entry. */
export async function signDownloads(service: Service, call: Call, bucket: string): Promise<Response> {
  const actor = await call.actor('storage.object.sign_many');
  const { expiresIn, paths } = await call.json(signManyBody);
  const found = await service.db.run(actor, (tx) =>
    tx.rows<{ name: string }>('select name from storage.objects where bucket_id = $1 and name = any($2)', [
      bucket,
      paths,
    ]),
  );
  const names = new Set(found.map(({ name }) => name));
  const error = 'Either the object does not exist or you do not have access to it';
  const entries = paths.map(async (path) =>
    names.has(path)
      ? { error: null, path, signedURL: await downloadUrl(service, bucket, path, expiresIn) }
      : { error, path, signedURL: null },
  );
  return Response.json(await Promise.all(entries));
}

/** POST /object/upload/sign/{bucket}/{key}: checks the right to upload now, so that anyone can use it later. */
export async function signUpload(
  service: Service,
  call: Call,
  bucket: string,
  key: string,
): Promise<Response> {
  const actor = await call.actor('storage.object.sign_upload_url');
  checkKey(key);
  const upsert = call.headers.get('x-upsert') === 'true';
  const owner = actor.claims.sub;
  await service.db.probe(actor, (tx) => probeWrite(tx, { bucket, key, owner, upsert }));
  const claims = { url: `${bucket}/${key}`, scope: 'upload', upsert, ...(owner ? { owner } : {}) };
  const token = await signToken(service.keys, claims, uploadSeconds);
  return Response.json({ url: `/object/upload/sign/${bucket}/${key}?token=${token}`, token });
}

/** Reads the token of a signed address. Refuses it for any other file or use. */
export async function readSignature(
  service: Service,
  call: Call,
  scope: SignedClaims['scope'],
  url: string,
): Promise<SignedClaims> {
  const token = call.query.get('token');
  if (!token) throw failures.invalidRequest("querystring must have required property 'token'");
  const secret = new TextEncoder().encode(service.keys.jwtSecret);
  const verified = await jwtVerify<SignedClaims>(token, secret, {
    algorithms: ['HS256'],
    requiredClaims: ['exp'],
  }).catch((error: Error) => {
    throw failures.invalidJwt(error.message);
  });
  if (verified.payload.scope !== scope || verified.payload.url !== url) throw failures.invalidSignature();
  return verified.payload;
}
