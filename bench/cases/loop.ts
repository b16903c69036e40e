import type { Command, Event, Output } from '@peerd/core/testing';
import {
  defaultLimits,
  defaultRouting,
  Inbox,
  InProcessClient,
  NodeCore,
  payloadBytes,
  ServerLoop,
  Subscriptions,
  sessionsSelf,
  Watchers,
} from '@peerd/core/testing';
import { closedLoop } from '../loops.ts';
import type { Case } from '../run.ts';

const CALLERS = 64;

/** The loop with all its features and no network: a command that only settles goes round and round. */
export const loop: Case = {
  title: `a command that only settles, ${CALLERS} callers, a 1 ms timer beside it`,
  setUp: async () => {
    const { maxQueuedCommands, maxQueuedBytes } = defaultLimits;
    const inbox = new Inbox<Event, Command>(
      { maxCommands: maxQueuedCommands, maxCommandBytes: maxQueuedBytes },
      payloadBytes,
    );
    const none = new Uint8Array(0);
    const self = {
      id: 'self',
      name: 'bench',
      features: [],
      encryptionKey: none,
      encryptionKeySignature: none,
      publicKeyOf: () => undefined,
    };
    const policy = { network: 'bench', key: undefined, allow: new Set<string>(), deny: new Set<string>() };
    const core = new NodeCore(
      {
        self,
        version: '0',
        policy,
        discovery: {
          isOn: false,
          dhtProtocol: '',
          profile: 'local',
          peers: [],
          firstBootstrapMs: 0,
          bootstrapIntervalMs: 1_000,
        },
        routing: {
          id: 'self',
          firstSequence: 1,
          advertise: (sequence) => ({
            origin: 'self',
            sequence,
            name: 'bench',
            encryptionKey: none,
            signature: none,
          }),
          isGenuine: () => true,
        },
        sealing: {
          id: 'self',
          network: 'bench',
          psk: none,
          keys: { publicKey: none, privateKey: none },
          firstSequence: 1,
          sign: () => none,
          isSigned: () => false,
          lists: { allow: [], deny: [] },
          denial: () => undefined,
        },
        sessions: sessionsSelf(self, policy, { publicKey: none, privateKey: none }, 1),
        ping: { intervalMs: 15_000, timeoutMs: 10_000 },
        limits: defaultLimits,
        services: {},
        routingSettings: defaultRouting,
        entropy: new Uint8Array(32),
        seed: [1, 2, 3, 4],
      },
      performance.now(),
      settle,
    );
    const server = new ServerLoop(inbox, core, { now: () => performance.now(), date: () => Date.now() });
    const running = server.run();
    const client = new InProcessClient(inbox, {
      handlers: { add() {}, remove() {} },
      subscriptions: new Subscriptions(),
      watchers: new Watchers(),
      load: () => server.load,
    });
    return {
      contenders: [
        {
          rows: ['commands/s', 'timer, ms late at worst'],
          measure: async (ms) => {
            const timer = watchTimer();
            const { callsPerSecond } = await closedLoop(CALLERS, ms, () => client.noop());
            return [callsPerSecond, timer.stop()];
          },
        },
      ],
      goals: [
        { text: 'commands/s', figure: (of) => of('commands/s'), least: 2_000_000 },
        {
          text: 'timer, ms late at worst, in every round',
          figure: (of) => of('timer, ms late at worst'),
          most: 10,
          everyRound: true,
        },
      ],
      tearDown: async () => {
        inbox.close();
        await running;
      },
    };
  },
};

function settle(output: Output): void {
  if (output.type === 'settle') output.responder.resolve(output.value);
}

/** How late a timer of 1 ms fires while the rest goes on. */
function watchTimer(): { stop(): number } {
  let worstMs = 0;
  let setMs = performance.now();
  let timer: NodeJS.Timeout;
  const fired = () => {
    const nowMs = performance.now();
    worstMs = Math.max(worstMs, nowMs - setMs - 1);
    setMs = nowMs;
    timer = setTimeout(fired, 1);
  };
  timer = setTimeout(fired, 1);
  return {
    stop: () => {
      clearTimeout(timer);
      return worstMs;
    },
  };
}
