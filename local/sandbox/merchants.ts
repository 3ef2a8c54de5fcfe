// The merchant that each provider of the sandbox knows. The secrets protect only this machine's play money, and
// production refuses them.

export interface SandboxMerchants {
  vnpay: { tmnCode: string; hashSecret: string };
  momo: { partnerCode: string; accessKey: string; secretKey: string };
  zalopay: { appId: string; key1: string; key2: string };
  payos: { clientId: string; apiKey: string; checksumKey: string };
  payosPayout: { clientId: string; apiKey: string; checksumKey: string };
  stripe: { secretKey: string; webhookSecret: string };
  vietqr: {
    bankBin: string;
    accountNumber: string;
    accountName: string;
    webhookSecret: string;
    apiToken: string;
  };
}

export const sandboxMerchants: SandboxMerchants = {
  vnpay: { tmnCode: 'JOURNEY1', hashSecret: 'LOCALSANDBOXSECRETLOCALSANDBOXSE' },
  momo: {
    partnerCode: 'MOMOJOURNEY1',
    accessKey: 'LOCALSANDBOXACCS',
    secretKey: 'LOCALSANDBOXSECRETMOMOLOCALSANDB',
  },
  zalopay: {
    appId: '2900',
    key1: 'LOCALSANDBOXZALOPAYKEY1LOCALSAND',
    key2: 'LOCALSANDBOXZALOPAYKEY2LOCALSAND',
  },
  payos: {
    clientId: 'local-sandbox-client',
    apiKey: 'local-sandbox-api-key',
    checksumKey: 'LOCALSANDBOXCHECKSUMPAYOSLOCALSANDBOXCHECKSUM',
  },
  payosPayout: {
    clientId: 'local-sandbox-payout-client',
    apiKey: 'local-sandbox-payout-api-key',
    checksumKey: 'LOCALSANDBOXPAYOUTCHECKSUMLOCALSANDBOXPAYOUT',
  },
  stripe: { secretKey: 'sk_test_LOCALSANDBOX', webhookSecret: 'whsec_LOCALSANDBOXLOCALSANDBOX' },
  vietqr: {
    bankBin: '970436',
    accountNumber: '0123456789',
    accountName: 'JOURNEY SANDBOX',
    webhookSecret: 'LOCALSANDBOXSEPAYSECRETLOCALSAND',
    apiToken: 'LOCALSANDBOXSEPAYTOKENLOCALSANDB',
  },
};

/** The settings of the functions that point every provider at the sandbox. */
export function sandboxSettings(
  url: string,
  merchants: SandboxMerchants = sandboxMerchants,
): Record<string, string> {
  const { vnpay, momo, zalopay, payos, payosPayout, stripe, vietqr } = merchants;
  return {
    VNPAY_TMN_CODE: vnpay.tmnCode,
    VNPAY_HASH_SECRET: vnpay.hashSecret,
    VNPAY_PAY_URL: `${url}/vnpay/paymentv2/vpcpay.html`,
    VNPAY_API_URL: `${url}/vnpay/merchant_webapi/api/transaction`,
    MOMO_PARTNER_CODE: momo.partnerCode,
    MOMO_ACCESS_KEY: momo.accessKey,
    MOMO_SECRET_KEY: momo.secretKey,
    MOMO_API_URL: `${url}/momo`,
    ZALOPAY_APP_ID: zalopay.appId,
    ZALOPAY_KEY1: zalopay.key1,
    ZALOPAY_KEY2: zalopay.key2,
    ZALOPAY_API_URL: `${url}/zalopay`,
    PAYOS_CLIENT_ID: payos.clientId,
    PAYOS_API_KEY: payos.apiKey,
    PAYOS_CHECKSUM_KEY: payos.checksumKey,
    PAYOS_API_URL: `${url}/payos`,
    PAYOS_PAYOUT_CLIENT_ID: payosPayout.clientId,
    PAYOS_PAYOUT_API_KEY: payosPayout.apiKey,
    PAYOS_PAYOUT_CHECKSUM_KEY: payosPayout.checksumKey,
    PAYOS_PAYOUT_API_URL: `${url}/payos`,
    STRIPE_SECRET_KEY: stripe.secretKey,
    STRIPE_WEBHOOK_SECRET: stripe.webhookSecret,
    STRIPE_API_URL: `${url}/stripe`,
    VIETQR_BANK_BIN: vietqr.bankBin,
    VIETQR_ACCOUNT_NUMBER: vietqr.accountNumber,
    VIETQR_ACCOUNT_NAME: vietqr.accountName,
    SEPAY_WEBHOOK_SECRET: vietqr.webhookSecret,
    SEPAY_API_TOKEN: vietqr.apiToken,
    SEPAY_API_URL: `${url}/vietqr`,
  };
}
