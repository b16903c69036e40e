/** The versions of the control protocol that this code speaks, the best one first. */
export const controlVersions: readonly number[] = [1];

const KiB = 1024;
const MiB = 1024 * KiB;

/**
 * Bytes of one frame. Twice the default payload limit, so that the daemon, which knows the configured limit,
 * is the one to say `too-large`, and a length of 4 GiB is garbage.
 */
export const maxFrameBytes: number = 32 * MiB;

/**
 * Bytes of one part of a frame. A short frame waits for at most some of these; smaller ones cost more headers and
 * buffers than they save waiting.
 */
export const maxPartBytes: number = 64 * KiB;

/**
 * Frames of one connection that may have come in part. With more the large ones take turns that help none of them;
 * the next one begins when one is whole.
 */
export const maxUnfinished = 8;

/** Announced bytes of these frames together: two of the largest, so that one of them does not hold up all others. */
export const maxUnfinishedBytes: number = 64 * MiB;

/** The largest payload that fits a frame beside its names and ids: what `limits.max_payload_bytes` may be. */
export const maxControlPayloadBytes: number = maxFrameBytes - 64 * KiB;

/**
 * Bytes the daemon keeps for a client that reads too slowly: two of the largest frames. An answer or a request that would
 * pass it ends `busy` instead.
 */
export const maxUnsentBytes: number = 64 * MiB;

/**
 * Time without a byte read, past the bound above, after which a client counts as one that does not read, and is
 * disconnected. A program in a debugger, or stopped for a moment, keeps its connection.
 */
export const unreadTimeoutMs = 30_000;

/**
 * Past this many unsent bytes the daemon stops reading from a client, so that one that only asks and never
 * reads is held up by its own socket; and a client answers `busy` to its callers past {@link maxUnsentBytes}.
 */
export const congestedBytes: number = 4 * MiB;

/**
 * Cost of answers of one stream that may be under way and not taken. It hides the delay of a local socket many
 * times over; raising it costs that much memory for each stream whose reader is slow.
 */
export const streamWindow: number = 1 * MiB;

/** What an answer costs beside its bytes, so that a stream of empty answers is bounded too. */
export const answerOverhead = 64;

/** Open calls, registrations and subscriptions of one connection. Past it the answer is `busy`. */
export const maxOpenCalls = 65_536;

/**
 * How long the daemon goes on counting the messages of a subscription whose client was lost. A client that is
 * alive is back within its longest pause between two attempts; raising it keeps topics joined for dead clients.
 */
export const lingerMs = 30_000;

/** Time for the first frame to arrive, both ways: a local program has it at hand. */
export const helloTimeoutMs = 5_000;
