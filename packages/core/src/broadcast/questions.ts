import { type Deadline, Deadlines } from '../channel/deadlines.ts';

/** A neighbour wants to know when we have heard of its subscription. */
export interface Question {
  /** Of the call that asks. */
  readonly key: number;
  readonly peer: string;
  readonly topic: string;
}

/** The questions of neighbours whose subscription has not reached us yet. Their number is bounded as calls are. */
export class Questions {
  readonly #byTopic = new Map<string, Map<Question, Deadline<Question>>>();
  readonly #deadlines = new Deadlines<Question>();

  get nextMs(): number {
    return this.#deadlines.nextMs;
  }

  add(question: Question, untilMs: number): void {
    const questions = this.#byTopic.get(question.topic) ?? new Map<Question, Deadline<Question>>();
    this.#byTopic.set(question.topic, questions.set(question, this.#deadlines.add(question, untilMs)));
  }

  /** Those of this peer for this topic: it is known now. */
  take(topic: string, peer: string): Question[] {
    const found = [...(this.#byTopic.get(topic)?.keys() ?? [])].filter((question) => question.peer === peer);
    for (const question of found) this.#remove(question);
    return found;
  }

  /** Takes those whose time is up. */
  expire(nowMs: number, expired: (question: Question) => void): void {
    this.#deadlines.expire(nowMs, (question) => {
      this.#remove(question);
      expired(question);
    });
  }

  snapshot(): unknown {
    return [...this.#byTopic].map(([topic, questions]) => [topic, questions.size]);
  }

  #remove(question: Question): void {
    const questions = this.#byTopic.get(question.topic);
    this.#deadlines.remove(questions?.get(question));
    questions?.delete(question);
    if (questions?.size === 0) this.#byTopic.delete(question.topic);
  }
}
