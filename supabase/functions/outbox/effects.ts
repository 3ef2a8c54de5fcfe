import { announceMessages } from './announce-messages.ts';
import { askPushReceipts } from './ask-push-receipts.ts';
import { cancelAttempt } from './cancel-attempt.ts';
import { deleteAuthUser, eraseLeftovers } from './delete-person.ts';
import type { Effect } from './effect.ts';
import { importCalendar } from './import-calendar.ts';
import { issueReceipt } from './issue-receipt.ts';
import { readFeed } from './read-feed.ts';
import { reconcile } from './reconcile.ts';
import { sendEmail } from './send-email.ts';
import { sendPayout } from './send-payout.ts';
import { sendPush } from './send-push.ts';
import { sendRefund } from './send-refund.ts';
import { sendAuthMessage, sendOtp } from './send-secret.ts';
import { sendSms } from './send-sms.ts';
import { sendWebhook } from './send-webhook.ts';
import { tellAvailability } from './tell-availability.ts';
import { workBroadcast } from './work-broadcast.ts';

/** One effect per topic of `private.outbox_topics`. A new one is a file here and a line below. */
export const effects: readonly Effect[] = [
  announceMessages,
  askPushReceipts,
  cancelAttempt,
  deleteAuthUser,
  eraseLeftovers,
  importCalendar,
  issueReceipt,
  readFeed,
  reconcile,
  sendAuthMessage,
  sendEmail,
  sendOtp,
  sendPayout,
  sendPush,
  sendRefund,
  sendSms,
  sendWebhook,
  tellAvailability,
  workBroadcast,
];
