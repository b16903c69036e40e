/** Services whose name starts so are peerd's own: they are answered by a feature, not by a handler. */
export const INTERNAL_SERVICE_PREFIX = '$peerd/';

/** By this one a subscriber learns that a neighbour has heard of its subscription. */
export const SUBSCRIBED_SERVICE = '$peerd/subscribed';

/** By this one neighbours tell each other their routes. */
export const ROUTES_SERVICE = '$peerd/routes';

export const internalServices: ReadonlySet<string> = new Set([SUBSCRIBED_SERVICE, ROUTES_SERVICE]);
