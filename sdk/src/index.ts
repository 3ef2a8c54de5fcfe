export type {
  Account,
  AccountBlocker,
  AccountData,
  AccountDataPage,
  AccountSession,
  DeletedAccount,
} from './account.ts';
export type { Addresses } from './addresses.ts';
export type * from './addresses-rows.ts';
export type { Admin } from './admin.ts';
export type * from './admin-rows.ts';
export type { AdminAnalytics, Days } from './analytics.ts';
export type * from './analytics-rows.ts';
export type { ApiKeys } from './api-keys.ts';
export type * from './api-keys-rows.ts';
export type { Auth, Captcha, SignInAddress, SignUp } from './auth.ts';
export type { Blocks } from './blocks.ts';
export type * from './blocks-rows.ts';
export type { AdminBookings, BookingList, Bookings, InspectionReport } from './bookings.ts';
export type * from './bookings-rows.ts';
export type { AdminBroadcasts } from './broadcasts.ts';
export type * from './broadcasts-rows.ts';
export type { AdminCharges, ChargeProposal, Charges } from './charges.ts';
export type * from './charges-rows.ts';
export type { AdminChat, Chat, NewAttachment, NewMessage } from './chat.ts';
export type * from './chat-rows.ts';
export type { CheckIn, OfflineScan } from './check-in.ts';
export type {
  AdminComplaints,
  Complaints,
  NewComplaint,
  ResolutionAmounts,
} from './complaints.ts';
export type * from './complaints-rows.ts';
export type { CallOptions, CommandOptions } from './core/calls.ts';
export { createIdempotencyKey } from './core/ids.ts';
export type { List, Page, PageOptions } from './core/pages.ts';
export type { RetryPolicy } from './core/wait.ts';
export type { Database } from './database.ts';
export type { DeviceRegistration, Devices } from './devices.ts';
export type * from './devices-rows.ts';
export type { AdminDiscounts, Discounts } from './discounts.ts';
export type * from './discounts-rows.ts';
export {
  errorText,
  isErrorCode,
  JourneyError,
  type JourneyErrorCode,
  type JourneyErrorFields,
  type Outcome,
} from './error.ts';
export type { AdminEvents, EventSearch, Events } from './events.ts';
export type * from './events-rows.ts';
export { type ErrorCode, errorCatalog } from './generated/errors.ts';
export {
  type Priced,
  type PriceLine,
  type PriceLineCode,
  type PricingFacts,
  type PricingOptions,
  type PricingRates,
  priceExtension,
  priceRental,
  pricingVersion,
} from './generated/pricing/index.ts';
export { type EventOf, type Machine, type StateOf, transitions } from './generated/states.ts';
export { type ChainProof, verifyInspectionChain } from './inspection-chain.ts';
export {
  type CallBehaviour,
  createJourney,
  Journey,
  type JourneyOptions,
  type WebSocketClass,
} from './journey.ts';
export type { AdminLedger } from './ledger.ts';
export type * from './ledger-rows.ts';
export type { LicenceSubmission, Licences } from './licences.ts';
export type * from './licences-rows.ts';
export type { AdminMail } from './mail.ts';
export type * from './mail-rows.ts';
export type { MediaFiles, Upload } from './media.ts';
export type * from './media-rows.ts';
export type { AdminNotifications, Notifications } from './notifications.ts';
export type * from './notifications-rows.ts';
export type { AdminOperations } from './operations.ts';
export type * from './operations-rows.ts';
export type { NewOrder, Orders } from './orders.ts';
export type * from './orders-rows.ts';
export type { Organizers } from './organizers.ts';
export type * from './organizers-rows.ts';
export type { Otp, OtpRequest, OtpSent, ResetTarget } from './otp.ts';
export type { AdminPayables } from './payables.ts';
export type * from './payables-rows.ts';
export type { AdminPayments, Payments, WaitForPayment } from './payments.ts';
export type * from './payments-rows.ts';
export type { AdminPayouts, Payouts } from './payouts.ts';
export type * from './payouts-rows.ts';
export { priceLineText } from './price-lines.ts';
export type { NewBillingDetails, ProfileChanges, Profiles, UserSearch } from './profiles.ts';
export type * from './profiles-rows.ts';
export type { EstimateRequest, QuoteRequest, Quotes } from './quotes.ts';
export type * from './quotes-rows.ts';
export type {
  EventSubscription,
  EventWatchHandlers,
  EventWatchOptions,
} from './realtime/availability-feed.ts';
export type {
  ChatStore,
  ChatStoreHandlers,
  ChatStoreOptions,
  HeldConversation,
  SavedChat,
} from './realtime/chat-store.ts';
export type {
  ConversationHandlers,
  ConversationSubscription,
  WatchOptions,
} from './realtime/conversation-feed.ts';
export type {
  LocalFile,
  MessageQueue,
  MessageToQueue,
  QueuedMessage,
  QueueHandlers,
  QueueStorage,
} from './realtime/message-queue.ts';
export type {
  NotificationHandlers,
  NotificationSubscription,
  SubscribeOptions,
} from './realtime/notification-feed.ts';
export type { PresenceSubscription } from './realtime/presence-topic.ts';
export type { QueueSubscription, QueueWatchHandlers, QueueWatchOptions } from './realtime/queue-feed.ts';
export type { InboxStatus } from './realtime/user-inbox.ts';
export type { Receipts } from './receipts.ts';
export type * from './receipts-rows.ts';
export type { AdminRefunds, Refunds } from './refunds.ts';
export type * from './refunds-rows.ts';
export type { AdminModeration, NewReport, ReportSubject, Reports } from './reports.ts';
export type * from './reports-rows.ts';
export type { Failed, Result, Success } from './result.ts';
export type { AdminReversals } from './reversals.ts';
export type * from './reversals-rows.ts';
export type { AdminReviews, Reviews, ReviewText } from './reviews.ts';
export type * from './reviews-rows.ts';
export type { AdminRoles, RoleChange, UserRole } from './roles.ts';
export type { SavedSearches } from './saved-searches.ts';
export type * from './saved-searches-rows.ts';
export { canMove } from './states.ts';
export {
  type CodeCheck,
  type CodeCheckOptions,
  readTicketCode,
  type TicketClaims,
  type TicketCodeProblem,
  type TicketKey,
  type VerifySignature,
} from './ticket-codes.ts';
export type { DoorDecision, ScannerOptions, TicketScanner } from './ticket-scanner.ts';
export type { Tickets } from './tickets.ts';
export type * from './tickets-rows.ts';
export { type Instant, parsePeriod, toTimestamp } from './time.ts';
export type * from './transfers-rows.ts';
export type { AdminPeople, Trust } from './trust.ts';
export type * from './trust-rows.ts';
export type { AdminUnmatched } from './unmatched.ts';
export type * from './unmatched-rows.ts';
export type * from './values.ts';
export type { VehicleFilters, VehicleSearch, Vehicles } from './vehicles.ts';
export type * from './vehicles-rows.ts';
export type { WaitingLists } from './waiting-lists.ts';
export type * from './waiting-lists-rows.ts';
export {
  type ShuffleProof,
  verifyShuffle,
  type WaitingRoom,
  type WaitingRoomSettings,
} from './waiting-room.ts';
export type * from './waiting-room-rows.ts';
export type { WebhookOwnership, Webhooks } from './webhooks.ts';
export type * from './webhooks-rows.ts';
