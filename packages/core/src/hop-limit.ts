/** Links that a message may take, and so the longest route there is. */
export const HOP_LIMIT = 16;
