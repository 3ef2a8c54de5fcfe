/** The calls of ZaloPay's API that we use. */
export type ZalopayPath = 'create' | 'query' | 'refund' | 'query_refund';

const signedFields: Record<ZalopayPath, readonly string[]> = {
  create: ['app_id', 'app_trans_id', 'app_user', 'amount', 'app_time', 'embed_data', 'item'],
  query: ['app_id', 'app_trans_id'],
  refund: ['app_id', 'zp_trans_id', 'amount', 'description', 'timestamp'],
  query_refund: ['app_id', 'm_refund_id', 'timestamp'],
};
const returnFields = ['appid', 'apptransid', 'pmcid', 'bankcode', 'amount', 'discountamount', 'status'];

/** The text that key1 signs in a call. For `query`, the key itself is part of it. */
export function callText(path: ZalopayPath, message: Record<string, unknown>, key1: string): string {
  const values = signedFields[path].map((field) => String(message[field] ?? ''));
  return [...values, ...(path === 'query' ? [key1] : [])].join('|');
}

/** The text that key2 signs in the return address. */
export function returnText(params: URLSearchParams): string {
  return returnFields.map((field) => params.get(field) ?? '').join('|');
}
