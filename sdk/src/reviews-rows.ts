import type { Nullable } from './core/shapes.ts';
import type { Rows, Tables } from './generated/database.ts';

/** Ratings of single aspects, 1 to 5 each. A renter rates the first four, a host the others; all are optional. */
export interface ReviewAspects {
  cleanliness?: number;
  accuracy?: number;
  value?: number;
  communication?: number;
  care?: number;
  punctuality?: number;
}

/** Whose review it is: the renter's, about vehicle and host, or the host's, about the renter. */
export type ReviewSide = 'renter' | 'host';

/** A public review. An author who has deleted the account has no name. */
export interface PublicReview
  extends Omit<
    Nullable<Rows['list_reviews'], 'author_name' | 'author_avatar_path' | 'reply' | 'replied_at'>,
    'side' | 'aspects'
  > {
  side: ReviewSide;
  aspects: ReviewAspects;
}

/** A review of the signed-in person. `released_at` is null while only the author reads it. */
export interface Review extends Omit<Tables['reviews'], 'side' | 'aspects'> {
  side: ReviewSide;
  aspects: ReviewAspects;
  /** Why staff has hidden it. */
  hidden_reason: string | null;
}

/** A trip that the signed-in person may still review. */
export interface ReviewToWrite
  extends Omit<Nullable<Rows['reviews_to_write'], 'subject_name' | 'vehicle_title'>, 'side'> {
  side: ReviewSide;
}

declare module './core/shapes.ts' {
  interface Shapes {
    reviews: Review;
    list_reviews: PublicReview;
    reviews_to_write: ReviewToWrite;
  }
}
export type ReviewStatus = Review['status'];
