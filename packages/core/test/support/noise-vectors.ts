/**
 * Of cacophony's test vectors, as the crate `snow` 0.10.0 (Apache-2.0 OR MIT) has them in tests/vectors/cacophony.txt:
 * the two protocols that are spoken here. All in hex.
 */
const both = {
  prologue: '4a6f686e2047616c74',
  psk: '54686973206973206d7920417573747269616e20706572737065637469766521',
  initiatorEphemeral: '893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a',
  responderStaticPublic: '31e0303fd6418d2f8c0e78b91f22e8caed0fbe48656dcf4767e4834f701b8f62',
  responderStatic: '4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893',
};

export const ikPsk2 = {
  ...both,
  initiatorStatic: 'e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1',
  responderEphemeral: 'bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b',
  first: {
    payload: '4c756477696720766f6e204d69736573',
    ciphertext:
      'ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c79442ec9b09893d0f510791784c10cbc959f25b1766e0def6e301d14fbca1c7790ac829b8b3674f5f649a5f0e98479662cbfbf2b2c47cd4b09fcd266cd29d7cb675f1808849707847840f6d178ec4d3733aa',
  },
  answer: {
    payload: '4d757272617920526f746862617264',
    ciphertext:
      '95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f1448088439a1b3cebf680b2c74217fcb5eba4ff58a9468cd90c4aca6194f57479b379a7',
  },
  /** Initiator and responder in turn. */
  transport: [
    {
      payload: '462e20412e20486179656b',
      ciphertext: 'a8fde7a0accec190cd306c5950d4fd8e04a205ec288aa747d8b347',
    },
    {
      payload: '4361726c204d656e676572',
      ciphertext: '59caddd9984a3bbe24c4fb31a2bd455b7eba3fa0980674b1a3a5f9',
    },
    {
      payload: '4a65616e2d426170746973746520536179',
      ciphertext: '3b9bfebd210c22ba0cff9de79b4007d7a552fffbf92616881faa8a883e25b80258',
    },
    {
      payload: '457567656e2042f6686d20766f6e2042617765726b',
      ciphertext: 'f37512df1043d564d7c46ac85c53d3b6a9a05724bc297e7142808f217561651217fe85b782',
    },
  ],
} as const;

export const nPsk0 = {
  ...both,
  message: {
    payload: '4c756477696720766f6e204d69736573',
    ciphertext:
      'ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944ecdeee2b0f760b7dabd274df50ce1eec70bf1c286eb266cd7b2851ee15836c25',
  },
} as const;

/**
 * Public keys with which everybody's X25519 result is zero: the points of low order, in all their encodings below 2^255
 * (Bernstein, Curve25519, "validate public keys").
 */
export const lowOrderPoints = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
] as const;
