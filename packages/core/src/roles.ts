/** What a node does in the network, as it says in its greeting. */
export const ROLE_PEER = 'peer';
/** It passes on what is for others. */
export const ROLE_FORWARDER = 'forwarder';
