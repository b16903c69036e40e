import type { RouteInfo } from '@peerd/protocol';

/** What is different between two looks at the routes. */
export type RouteChange =
  | { readonly type: 'route-found'; readonly route: RouteInfo }
  /** It has another way, or another name, than `before`. */
  | { readonly type: 'route-changed'; readonly route: RouteInfo; readonly before: RouteInfo }
  /** `route` is the one that there was. */
  | { readonly type: 'route-lost'; readonly route: RouteInfo };

export type Routes = ReadonlyMap<string, RouteInfo>;

export function byPeer(routes: readonly RouteInfo[]): Routes {
  return new Map(routes.map((route) => [route.peer, route]));
}

/** What was lost comes first: another peer may have its name now. */
export function changesBetween(before: Routes, after: Routes): RouteChange[] {
  const changes: RouteChange[] = [];
  for (const [peer, route] of before) if (!after.has(peer)) changes.push({ type: 'route-lost', route });
  for (const [peer, route] of after) {
    const old = before.get(peer);
    if (old === undefined) changes.push({ type: 'route-found', route });
    else if (!isSame(old, route)) changes.push({ type: 'route-changed', route, before: old });
  }
  return changes;
}

/** But for how long it has been so. */
function isSame(a: RouteInfo, b: RouteInfo): boolean {
  return a.next === b.next && a.distance === b.distance && a.name === b.name && a.rule === b.rule;
}
