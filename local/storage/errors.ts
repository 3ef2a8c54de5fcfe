import { DatabaseError } from 'pg';

/** What one refusal says; see {@link StorageFailure}. */
interface Refusal {
  status: number;
  code: string;
  message: string;
  /** The platform's older word for the same thing, or the code when there is none. */
  error?: string;
}

/**
 * A refusal in the platform's words. Its `status` is in the body (`statusCode`); the HTTP status is 400 for
 * nearly everything, because clients of the platform expect that.
 */
export class StorageFailure extends Error {
  readonly status: number;
  readonly code: string;
  readonly error: string;
  constructor(refusal: Refusal) {
    super(refusal.message);
    this.status = refusal.status;
    this.code = refusal.code;
    this.error = refusal.error ?? refusal.code;
  }

  toResponse(): Response {
    const httpStatus = this.status === 500 || this.status === 544 ? this.status : 400;
    const body = {
      statusCode: String(this.status),
      error: this.error,
      message: this.message,
      code: this.code,
    };
    return Response.json(body, { status: httpStatus, headers: { 'cache-control': 'no-store' } });
  }
}

const refuse = (status: number, code: string, message: string, error?: string) =>
  new StorageFailure({ status, code, message, error });

/** Every refusal this server knows, one function each. */
export const failures = {
  noSuchBucket: () => refuse(404, 'NoSuchBucket', 'Bucket not found', 'Bucket not found'),
  noSuchKey: () => refuse(404, 'NoSuchKey', 'Object not found', 'not_found'),
  keyAlreadyExists: () => refuse(409, 'KeyAlreadyExists', 'The resource already exists', 'Duplicate'),
  bucketAlreadyExists: () => refuse(409, 'BucketAlreadyExists', 'The resource already exists', 'Duplicate'),
  bucketNotEmpty: () => refuse(409, 'ResourceNotEmpty', 'The bucket you tried to delete is not empty'),
  accessDenied: (message: string) => refuse(403, 'AccessDenied', message, 'Unauthorized'),
  invalidKey: (key: string) => refuse(400, 'InvalidKey', `Invalid key: ${key}`),
  invalidBucketName: () => refuse(400, 'InvalidBucketName', 'Bucket name invalid', 'Invalid Input'),
  invalidRequest: (message: string) => refuse(400, 'InvalidRequest', message),
  invalidMimeType: (type: string) =>
    refuse(415, 'InvalidMimeType', `mime type ${type} is not supported`, 'invalid_mime_type'),
  entityTooLarge: () =>
    refuse(413, 'EntityTooLarge', 'The object exceeded the maximum allowed size', 'Payload too large'),
  invalidJwt: (message: string) => refuse(400, 'InvalidJWT', message),
  invalidSignature: () => refuse(400, 'InvalidSignature', 'Invalid signature'),
  invalidRange: () => refuse(416, 'InvalidRange', 'invalid range provided', 'invalid_range'),
  notEnabled: (feature: string) =>
    refuse(422, 'FeatureNotEnabled', `The feature ${feature} is not enabled for this resource`),
  aborted: () => refuse(400, 'Aborted', 'The upload ended before the whole file had arrived'),
  /** The database is away: it could not be reached, or the connection broke. */
  databaseAway(cause: unknown) {
    const failure = refuse(544, 'DatabaseTimeout', 'The connection to the database timed out');
    failure.cause = cause;
    return failure;
  },
  internal: () => refuse(500, 'InternalError', 'Internal server error'),
};

/**
 * Translates a database error to the platform's words. `duplicate` is what a unique violation means here: the
 * object's key is taken, unless the caller was creating a bucket.
 */
export function failureFromDatabase(error: unknown, duplicate = failures.keyAlreadyExists): unknown {
  if (!(error instanceof DatabaseError)) return error;
  switch (error.code) {
    case '42501':
      return failures.accessDenied('new row violates row-level security policy');
    case '23505':
      return duplicate();
    case '23503':
      return refuse(404, 'InvalidRequest', 'The related resource does not exist');
    case '22021':
    case '22P05':
      return failures.invalidRequest('A name holds a character that cannot be stored');
    case '55P03':
    case '40P01':
      return refuse(423, 'ResourceLocked', 'The resource is locked');
    case '57014':
      return failures.databaseAway(error);
    default:
      return refuse(500, 'DatabaseError', error.message);
  }
}
