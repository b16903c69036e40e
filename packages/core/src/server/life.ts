import type { NodeLife } from '@peerd/protocol';
import type { Output } from './messages.ts';

/** What of the loop's outputs is an event in the life of the node: for the log, and for who watches. */
export function lifeOf(output: Output): NodeLife | undefined {
  switch (output.type) {
    case 'peer/came': {
      const { peer, name, kind } = output;
      return { type: 'peer-connected', peer, kind, ...(name === undefined ? {} : { name }) };
    }
    case 'peer/refused': {
      const { code, message } = output.error;
      return { type: 'peer-refused', peer: output.peer, code, reason: message };
    }
    case 'peer/went': {
      const { peer, name } = output;
      return { type: 'peer-disconnected', peer, ...(name === undefined ? {} : { name }) };
    }
    case 'route/found':
      return { type: 'route-found', peer: output.peer, name: output.name };
    case 'route/lost':
      return { type: 'route-lost', peer: output.peer, name: output.name };
    case 'service/added':
      return { type: 'service-added', service: output.service };
    case 'service/removed':
      return { type: 'service-removed', service: output.service };
    case 'gossip/join':
      return { type: 'topic-joined', topic: output.topic };
    case 'gossip/leave':
      return { type: 'topic-left', topic: output.topic };
    case 'node/overload': {
      const { queue, unit, limit, refused } = output;
      return { type: 'overload', queue, unit, limit, refused };
    }
    default:
      return undefined;
  }
}
