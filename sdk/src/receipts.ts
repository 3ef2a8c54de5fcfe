import type { CallOptions, Calls } from './core/calls.ts';
import { uuidForm } from './core/ids.ts';
import { type List, type PageOptions, readList } from './core/pages.ts';
import { localError, valueOr } from './core/rows.ts';
import type { Receipt } from './receipts-rows.ts';
import { fail, type Result } from './result.ts';
import type { Uuid } from './values.ts';

/** Receipts of what was paid, and credit notes of what went back. */
export class Receipts {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Receipts of the signed-in person, newest first.
   * Errors: `invalid_input`.
   */
  list(page: PageOptions = {}, options?: CallOptions): List<Receipt> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('my_receipts', { after, page_size }, options);
    return readList({ by: ['issued_at', 'id'], read }, page, options);
  }

  /**
   * One receipt.
   * Errors: `receipt_not_found`.
   */
  async get(receiptId: Uuid, options?: CallOptions): Promise<Result<Receipt>> {
    const result = await this.#calls.rpc('receipt', { receipt_id: receiptId }, options);
    return valueOr(result, 'receipt_not_found', options);
  }

  /**
   * A receipt as an HTML page to show in a web view or to print.
   * Errors: `invalid_input`, `receipt_not_found`.
   *
   * @example
   * ```ts
   * const { data: html } = await journey.receipts.page(receiptId);
   * if (html) await Print.printAsync({ html });
   * ```
   */
  async page(receiptId: Uuid, options?: CallOptions): Promise<Result<string>> {
    // It becomes part of an address, where `..` would lead to another function.
    if (!uuidForm.test(receiptId)) {
      return fail(localError('invalid_input', { field: 'receiptId', problem: 'must be a UUID' }, options));
    }
    return this.#calls.read<string>(`receipts/${receiptId}`, options);
  }
}
