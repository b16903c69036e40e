import type { Profile } from '../config.ts';

/** Unspecified: everywhere and nowhere. */
const UNSPECIFIED = /^\/(ip4\/0\.0\.0\.0|ip6\/::)\//;
/** RFC 4291: IPv4 addresses in the clothes of IPv6, which would slip past the rules for either. */
const MAPPED = /^\/ip6\/::ffff:/i;
const LOOPBACK = /^\/(ip4\/127\.|ip6\/::1\/|dns[46]?\/localhost\/)/;
/** RFC 1918, RFC 3927, RFC 6598, and RFC 4193 and link-local for IPv6. */
const PRIVATE =
  /^\/(ip4\/(10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)|ip6\/(f[cd]|fe[89ab])[0-9a-f]*:)/i;

/**
 * The addresses that other peers may be told of: on one machine all that name a place, on a local network not
 * loopback, on the internet only public ones.
 */
export function shareable(addresses: readonly string[], profile: Profile): string[] {
  return addresses.filter(
    (address) =>
      !UNSPECIFIED.test(address) &&
      (profile === 'local' || !(LOOPBACK.test(address) || MAPPED.test(address))) &&
      (profile !== 'internet' || !PRIVATE.test(address)),
  );
}
