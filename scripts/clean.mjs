// Removes what the compiler has written, its memory of it included: what was made from a source that is no longer
// there would otherwise stay, and be published.
import { globSync, rmSync } from 'node:fs';

for (const dist of globSync('packages/*/dist')) rmSync(dist, { recursive: true, force: true });
