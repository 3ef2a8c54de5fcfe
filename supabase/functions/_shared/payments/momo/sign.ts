// The fields MoMo signs, in its order. What else a message carries is not protected.
const fields = {
  create: 'amount extraData ipnUrl orderId orderInfo partnerCode redirectUrl requestId requestType',
  query: 'orderId partnerCode requestId',
  refund: 'amount description orderId partnerCode requestId transId',
  result:
    'amount extraData message orderId orderInfo orderType partnerCode payType requestId responseTime resultCode transId',
};

/** What a text is signed for; `result` is the notification and the return address alike. */
export type SignedMessage = keyof typeof fields;

export function signedFields(kind: SignedMessage): readonly string[] {
  return fields[kind].split(' ');
}

function textOf(value: unknown): string {
  // objects are never signed, and must not pass for the empty text as String([]) would
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? '');
}

/** The text MoMo signs: raw values, neither encoded nor escaped, with the access key first. */
export function signedText(
  kind: SignedMessage,
  message: Readonly<Record<string, unknown>>,
  accessKey: string,
): string {
  const pairs = signedFields(kind).map((name) => `${name}=${textOf(message[name])}`);
  return [`accessKey=${accessKey}`, ...pairs].join('&');
}
