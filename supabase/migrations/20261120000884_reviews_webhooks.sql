-- Reviews: what webhooks tell the operator of reviews.
-- Rule kept here: nobody hears of a review before it is released, so it is for the platform alone.

create function private.webhook_owner_ids(p_review public.reviews)
returns uuid[]
language sql immutable set search_path = ''
as $$ select '{}'::uuid[] $$;
select private.attach_webhooks('public.reviews', 'review', '{}', 'booking_id', 'side', 'author_id', 'subject_id', 'vehicle_id', 'rating', 'released_at', 'created_at');
