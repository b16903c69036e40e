/** The client was closed: whatever it asked for that has no answer yet ends with `stopped`. */
export interface ClientClosed {
  readonly type: 'client/closed';
}
