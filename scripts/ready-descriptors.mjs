// A plugin of the bundler. Generated protobuf code holds the descriptor of its messages in protobuf itself; reading that
// at each start takes a descriptor of descriptors, made before, and is half of what the client costs to load. In the
// bundle the descriptor is the object that this comes to.
import { pathToFileURL } from 'node:url';

const read = /fileDesc\("[\w+/=]*"\)/;

export const readyDescriptors = {
  name: 'ready-descriptors',
  transform: {
    filter: { id: /_pb\.ts$/ },
    async handler(code, id) {
      const file = Object.values(await import(pathToFileURL(id).href)).find(({ kind }) => kind === 'file');
      if (file === undefined || file.dependencies.length > 0 || !read.test(code))
        throw new Error(`${id} is not the generated code that scripts/ready-descriptors.mjs knows`);
      const defaults = [];
      const descriptor = source(file.proto, defaults);
      const name = JSON.stringify(file.proto.name);
      const ready = `createFileRegistry(${descriptor}, () => undefined).getFile(${name})`;
      const head = [`import { createFileRegistry } from '@bufbuild/protobuf';`, ...defaults].join('\n');
      return { code: `${head}\n${code.replace(read, () => ready)}`, map: null };
    },
  },
};

/** A value as source. What a message does not say has its default on the prototype; these are added to `defaults`. */
function source(value, defaults) {
  if (Array.isArray(value)) return `[${value.map((each) => source(each, defaults)).join(',')}]`;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'object' || value === null) return `${JSON.stringify(value)}`;
  const fields = Object.entries(value).map(
    ([key, each]) => `${JSON.stringify(key)}:${source(each, defaults)}`,
  );
  const prototype = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return `{${fields}}`;
  const declared = ` = ${source({ ...prototype }, defaults)};`;
  let index = defaults.findIndex((each) => each.endsWith(declared));
  if (index < 0) index = defaults.push(`const defaults${defaults.length}${declared}`) - 1;
  return `{${[`__proto__:defaults${index}`, ...fields]}}`;
}
