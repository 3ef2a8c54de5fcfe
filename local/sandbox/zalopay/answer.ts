/** An answer of the merchant API, in ZaloPay's form. */
export type Answer = Record<string, unknown>;

const words: Record<number, string> = {
  1: 'Giao dịch thành công',
  2: 'Giao dịch thất bại',
  3: 'Giao dịch đang được xử lý',
};

/** 1 done, 2 failed, 3 in process; the sub code and its text say more. */
export function answerOf(returnCode: 1 | 2 | 3, subCode: number, text: string, fields: Answer = {}): Answer {
  return {
    return_code: returnCode,
    return_message: words[returnCode],
    sub_return_code: subCode,
    sub_return_message: text,
    ...fields,
  };
}

export const refusal = (subCode: number, text: string): Answer => answerOf(2, subCode, text);
