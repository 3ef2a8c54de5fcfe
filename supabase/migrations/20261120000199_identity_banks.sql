-- Identity: the banks that a transfer can go to.
-- Rule kept here: a bank is named by the six digits that NAPAS gave it, and only banks of this list can be paid.
-- Left out on purpose: logos, and which services of NAPAS each bank has joined.
--
-- Source: the list of vietqr.io (api.vietqr.io/v2/banks) as the npm package vietnam-qr-pay 1.5.1 carries it. A bank that
-- two names share has its present one: 970406 was DongA Bank, 970414 was Ocean Bank, 970449 was LienVietPostBank.

create table private.banks (
  bin text primary key,
  short_name text not null,
  name text not null,
  constraint banks_bin_form check (bin ~ '^[0-9]{6}$')
);
comment on table private.banks is 'The banks of NAPAS 247. An operator adds a bank that joins; one that accounts name cannot be removed.';
comment on column private.banks.bin is 'The six digits by which NAPAS names the bank.';
comment on column private.banks.short_name is 'What people call it.';
comment on column private.banks.name is 'Its full name, in Vietnamese.';
insert into private.banks (bin, short_name, name) values
  ('422589', 'CIMB Bank', 'Ngân hàng TNHH MTV CIMB Việt Nam'),
  ('458761', 'HSBC Vietnam', 'Ngân hàng TNHH MTV HSBC (Việt Nam)'),
  ('546034', 'CAKE by VPBank', 'Ngân hàng số CAKE by VPBank - Ngân hàng TMCP Việt Nam Thịnh Vượng'),
  ('546035', 'Ubank by VPBank', 'Ngân hàng số Ubank by VPBank - Ngân hàng TMCP Việt Nam Thịnh Vượng'),
  ('668888', 'Kasikornbank', 'Ngân hàng Đại chúng TNHH KASIKORNBANK - CN TP. Hồ Chí Minh'),
  ('796500', 'DBS Bank', 'Ngân hàng TNHH MTV Phát triển Singapore - Chi nhánh TP. Hồ Chí Minh'),
  ('801011', 'Nonghyup Bank', 'Ngân hàng Nonghyup - Chi nhánh Hà Nội'),
  ('963369', 'Liobank', 'Ngân hàng số Liobank - Ngân hàng TMCP Phương Đông'),
  ('963388', 'Timo', 'Ngân hàng số Timo by Bản Việt Bank'),
  ('970400', 'SaigonBank', 'Ngân hàng TMCP Sài Gòn Công Thương'),
  ('970403', 'Sacombank', 'Ngân hàng TMCP Sài Gòn Thương Tín'),
  ('970405', 'Agribank', 'Ngân hàng Nông nghiệp và Phát triển Nông thôn Việt Nam'),
  ('970406', 'Vikki Bank', 'Ngân hàng TNHH MTV Số Vikki'),
  ('970407', 'Techcombank', 'Ngân hàng TMCP Kỹ thương Việt Nam'),
  ('970408', 'GPBank', 'Ngân hàng Thương mại TNHH MTV Dầu Khí Toàn Cầu'),
  ('970409', 'BacA Bank', 'Ngân hàng TMCP Bắc Á'),
  ('970410', 'Standard Chartered Vietnam', 'Ngân hàng TNHH MTV Standard Chartered Bank Việt Nam'),
  ('970412', 'PVcomBank', 'Ngân hàng TMCP Đại Chúng Việt Nam'),
  ('970414', 'MBV', 'Ngân hàng TNHH MTV Việt Nam Hiện Đại'),
  ('970415', 'VietinBank', 'Ngân hàng TMCP Công thương Việt Nam'),
  ('970416', 'ACB', 'Ngân hàng TMCP Á Châu'),
  ('970418', 'BIDV', 'Ngân hàng TMCP Đầu tư và Phát triển Việt Nam'),
  ('970419', 'NCB Bank', 'Ngân hàng TMCP Quốc Dân'),
  ('970421', 'VietNgaBank', 'Ngân hàng Liên doanh Việt - Nga'),
  ('970422', 'MB Bank', 'Ngân hàng TMCP Quân đội'),
  ('970423', 'TPBank', 'Ngân hàng TMCP Tiên Phong'),
  ('970424', 'Shinhan Bank', 'Ngân hàng TNHH MTV Shinhan Việt Nam'),
  ('970425', 'AB Bank', 'Ngân hàng TMCP An Bình'),
  ('970426', 'MSB', 'Ngân hàng TMCP Hàng Hải'),
  ('970427', 'VietABank', 'Ngân hàng TMCP Việt Á'),
  ('970428', 'Nam A Bank', 'Ngân hàng TMCP Nam Á'),
  ('970429', 'SCB', 'Ngân hàng TMCP Sài Gòn'),
  ('970430', 'PG Bank', 'Ngân hàng TMCP Xăng dầu Petrolimex'),
  ('970431', 'Eximbank', 'Ngân hàng TMCP Xuất Nhập khẩu Việt Nam'),
  ('970432', 'VPBank', 'Ngân hàng TMCP Việt Nam Thịnh Vượng'),
  ('970433', 'VietBank', 'Ngân hàng TMCP Việt Nam Thương Tín'),
  ('970434', 'Indovina Bank', 'Ngân hàng TNHH Indovina'),
  ('970436', 'Vietcombank', 'Ngân hàng TMCP Ngoại Thương Việt Nam'),
  ('970437', 'HDBank', 'Ngân hàng TMCP Phát triển TP. Hồ Chí Minh'),
  ('970438', 'BaoViet Bank', 'Ngân hàng TMCP Bảo Việt'),
  ('970439', 'Public Bank Vietnam', 'Ngân hàng TNHH MTV Public Việt Nam'),
  ('970440', 'SeABank', 'Ngân hàng TMCP Đông Nam Á'),
  ('970441', 'VIB', 'Ngân hàng TMCP Quốc tế Việt Nam'),
  ('970442', 'HongLeong Bank', 'Ngân hàng TNHH MTV Hong Leong Việt Nam'),
  ('970443', 'SHB', 'Ngân hàng TMCP Sài Gòn - Hà Nội'),
  ('970444', 'CB Bank', 'Ngân hàng Thương mại TNHH MTV Xây dựng Việt Nam'),
  ('970446', 'Co-op Bank', 'Ngân hàng Hợp tác xã Việt Nam'),
  ('970448', 'OCB Bank', 'Ngân hàng TMCP Phương Đông'),
  ('970449', 'LPBank', 'Ngân hàng TMCP Lộc Phát Việt Nam'),
  ('970452', 'KienlongBank', 'Ngân hàng TMCP Kiên Long'),
  ('970454', 'BVBank', 'Ngân hàng TMCP Bản Việt'),
  ('970455', 'IBK HN', 'Ngân hàng Công nghiệp Hàn Quốc - Chi nhánh Hà Nội'),
  ('970456', 'IBK HCM', 'Ngân hàng Công nghiệp Hàn Quốc - Chi nhánh TP. Hồ Chí Minh'),
  ('970457', 'Woori Bank', 'Ngân hàng TNHH MTV Woori Việt Nam'),
  ('970458', 'United Overseas Bank Vietnam', 'Ngân hàng United Overseas Bank Việt Nam'),
  ('970462', 'Kookmin Bank HN', 'Ngân hàng Kookmin - Chi nhánh Hà Nội'),
  ('970463', 'Kookmin Bank HCM', 'Ngân hàng Kookmin - Chi nhánh TP. Hồ Chí Minh'),
  ('971025', 'MoMo', 'CTCP Dịch Vụ Di Động Trực Tuyến');

create function private.banks()
returns table (bin text, short_name text, name text)
language sql stable security definer set search_path = ''
as $$ select b.bin, b.short_name, b.name from private.banks b order by lower(b.short_name), b.bin $$;
create function public.banks()
returns table (bin text, short_name text, name text)
language sql stable set search_path = ''
as $$ select * from private.banks() $$;
comment on function public.banks is 'Lists the banks that a person can be paid at, by their short names. `bin` is what set_bank_account takes as bank_bin.';
select private.expose('banks()', 'anon', 'authenticated');
