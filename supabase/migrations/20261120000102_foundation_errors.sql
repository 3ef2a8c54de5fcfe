-- Foundation: the registry of errors and the one helper that raises them.
-- Rule kept here: every refusal of a command carries a code from this table; PostgREST turns
-- SQLSTATE PTnnn into HTTP status nnn, and `details` carries {"code": …} for clients.
-- Left out on purpose: wording for screens; clients translate by code.

create table private.error_codes (
  code text primary key,
  status int not null,
  retryable boolean not null default false,
  message_en text not null,
  message_vi text not null,
  constraint error_codes_code_form check (code ~ '^[a-z][a-z_]{2,40}$'),
  constraint error_codes_status_is_http_error check (status between 400 and 599)
);
comment on table private.error_codes is 'Every code a client can meet. SDK unions and docs/errors.md are generated from it.';
comment on column private.error_codes.status is 'HTTP status of the answer that carries the code.';
comment on column private.error_codes.retryable is 'Whether the same call can succeed later, unchanged.';

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('unauthenticated', 401, false, 'You are not signed in. Sign in and try again.', 'Bạn chưa đăng nhập. Vui lòng đăng nhập rồi thử lại.'),
  ('forbidden', 403, false, 'Your account may not do this.', 'Tài khoản của bạn không có quyền thực hiện thao tác này.'),
  ('not_found', 404, false, 'We could not find this, or your account may not see it. Reload and try again.', 'Không tìm thấy nội dung này hoặc bạn không có quyền xem. Vui lòng tải lại rồi thử lại.'),
  ('invalid_input', 400, false, 'A value is missing or not valid. Details name the field and the problem.', 'Thông tin còn thiếu hoặc chưa hợp lệ. Vui lòng kiểm tra lại mục được nêu trong chi tiết.'),
  ('unknown_field', 400, false, 'The request has a field that does not exist. Details name the field.', 'Yêu cầu có trường không tồn tại. Vui lòng xem tên trường trong chi tiết.'),
  ('payload_too_large', 413, false, 'The request is too large. Send less at once.', 'Yêu cầu quá lớn. Vui lòng gửi ít dữ liệu hơn.'),
  ('method_not_allowed', 405, false, 'This address does not accept this HTTP method. Use another method.', 'Địa chỉ này không hỗ trợ phương thức HTTP đã dùng. Vui lòng dùng phương thức khác.'),
  ('rate_limited', 429, true, 'You have tried too often. Wait a moment and try again; details.retry_after has the seconds.', 'Bạn thao tác quá nhanh. Vui lòng chờ giây lát rồi thử lại.'),
  ('idempotency_conflict', 409, false, 'This idempotency key belongs to a different request. Use a new key.', 'Khóa idempotency này đã dùng cho một yêu cầu khác. Vui lòng dùng khóa mới.'),
  ('illegal_transition', 409, false, 'This is not possible in the current state. Reload to see the state.', 'Trạng thái hiện tại không cho phép thao tác này. Vui lòng tải lại để xem trạng thái mới nhất.'),
  ('internal', 500, true, 'Something went wrong on our side. Try again in a moment.', 'Hệ thống đang gặp sự cố. Vui lòng thử lại sau ít phút.'),
  ('provider_unavailable', 502, true, 'A partner service did not answer. Try again in a moment.', 'Dịch vụ của đối tác không phản hồi. Vui lòng thử lại sau ít phút.'),
  ('provider_not_configured', 503, false, 'This payment method is not available. Choose another one.', 'Phương thức thanh toán này hiện chưa dùng được. Vui lòng chọn phương thức khác.'),
  ('outbox_lease_lost', 409, false, 'Another worker has taken this outbox row. Stop and take the next row.', 'Tác vụ này đã được tiến trình khác nhận xử lý. Hãy dừng lại và nhận tác vụ tiếp theo.');

create function private.fail(p_code text, p_details jsonb default '{}')
returns void
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_error private.error_codes;
begin
  select * into v_error from private.error_codes where code = p_code;
  if not found then
    raise exception 'error code % is not in private.error_codes; register it there', p_code;
  end if;
  raise exception using
    errcode = 'PT' || v_error.status,
    message = v_error.message_en,
    detail = (jsonb_build_object('code', p_code) || p_details)::text;
end
$$;
comment on function private.fail is 'Raises a registry error. Details must not carry anything the caller may not know.';

create function private.fail_input(p_field text, p_problem text)
returns void
language sql stable set search_path = ''
as $$ select private.fail('invalid_input', jsonb_build_object('field', p_field, 'problem', p_problem)) $$;

create function private.error_catalog()
returns setof private.error_codes
language sql stable security definer set search_path = ''
as $$ select * from private.error_codes order by code $$;

create function public.error_catalog()
returns table (code text, status int, retryable boolean, message_en text, message_vi text)
language sql stable set search_path = ''
as $$ select * from private.error_catalog() $$;
comment on function public.error_catalog is 'Lists every error code with its HTTP status, its text in English and Vietnamese, and whether the same call can succeed later.';

select private.expose('error_catalog()', 'anon', 'authenticated', 'service_role');

-- The actor of the current request; every command begins here.
create function private.require_user()
returns uuid
language plpgsql stable set search_path = ''
as $$
declare
  v_user_id uuid := auth.uid();
begin
  if v_user_id is null then
    perform private.fail('unauthenticated');
  end if;
  return v_user_id;
end
$$;

create function private.require_page_size(p_page_size int)
returns int
language plpgsql stable set search_path = ''
as $$
begin
  if p_page_size is null or p_page_size not between 1 and 100 then
    perform private.fail_input('page_size', 'must be 1 to 100');
  end if;
  return p_page_size;
end
$$;

-- Where a page of a list begins: after the row {<p_key>, id} that a client gives back; nulls for the first page.
create type private.page_start as (at timestamptz, id uuid);
create function private.read_page(p_after jsonb, p_key text, p_page_size int)
returns private.page_start
language plpgsql stable set search_path = ''
as $$
declare
  v_start private.page_start;
begin
  perform private.require_page_size(p_page_size);
  begin
    v_start := ((p_after ->> p_key)::timestamptz, (p_after ->> 'id')::uuid);
  exception
    when data_exception then
      null;
  end;
  if p_after is not null and (v_start.at is null or v_start.id is null) then
    perform private.fail_input('after', format('needs %s and id of the last row', p_key));
  end if;
  return v_start;
end
$$;

-- Reads in public check their input as the caller.
grant execute on function private.fail(text, jsonb), private.fail_input(text, text), private.require_user() to anon, authenticated;
grant execute on function private.read_page(jsonb, text, int), private.require_page_size(int) to authenticated;
