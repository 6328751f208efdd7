// What a list that is sorted by id, newest first, is asked for.

export type IdPage = {
  /** The id of the last row of the page before. */
  before: string | undefined;
  limit: number;
};
