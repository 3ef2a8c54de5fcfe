select bench.write_event('W' || (:quote)::text, 'vnp_Amount=163000000&vnp_BankCode=NCB&vnp_BankTranNo=VNP14000001&vnp_CardType=ATM&vnp_OrderInfo=Thanh+toan+don+dat+xe&vnp_PayDate=20261120101500&vnp_ResponseCode=00&vnp_TmnCode=JOURNEY1&vnp_TransactionNo=14000001&vnp_TransactionStatus=00&vnp_TxnRef=W' || (:quote)::text || '&vnp_SecureHash=' || repeat('0123456789abcdef', 8)) as event \gset
commit;
