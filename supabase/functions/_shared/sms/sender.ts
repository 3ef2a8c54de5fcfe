export interface Sms {
  /** E.164. */
  to: string;
  text: string;
  /** A message with the same key is sent once within a day. At most 50 characters. */
  idempotencyKey: string;
  /** Whether the text has characters that the alphabet of GSM lacks. */
  unicode?: boolean;
  /** The delivery whose fate is to be reported. */
  reportOn?: string;
}

/** `permanent`: sending the same again cannot help. */
export type SmsResult =
  | { sent: true; id: string | null }
  | { sent: false; permanent: boolean; reason: string };

export interface SmsSender {
  send(sms: Sms): Promise<SmsResult>;
  /** Why it cannot send. The text names the variables. */
  readonly problem?: string;
}
