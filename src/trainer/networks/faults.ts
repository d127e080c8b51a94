// Faults of network definitions: codes 300–309. Each names the layer and says what to change.
import { Fault } from '../../contract/fault.ts';

/** 300: the definition cannot be built: an unknown input, a cycle, shapes that do not fit, a limit passed. */
export function networkUnusable(network: string, layer: string, reason: string): Fault {
  const message = `The network ${network} cannot be built: layer ${layer} ${reason}. Correct its definition.`;
  return new Fault({ code: 300, message, retry: 'never' });
}

/** 301: no such bundled network. */
export function networkUnknown(name: string, known: readonly string[]): Fault {
  const message = `There is no network named “${name}”. Choose one of: ${known.join(', ')}.`;
  return new Fault({ code: 301, message, retry: 'never' });
}

/** 302: a network's file is not a network definition. */
export function networkMalformed(file: string, reason: string): Fault {
  const message = `${file} is not a network definition: ${reason}. Correct or replace it.`;
  return new Fault({ code: 302, message: message.slice(0, 4_000), retry: 'never' });
}

/** 303: a network cannot be asked this task: it tells classes of images where pixels are asked, or the reverse. */
export function networkOfOtherTask(name: string, own: string, asked: string, others: readonly string[]): Fault {
  const message = `The network ${name} is made for ${own}, not for ${asked}. Choose one of: ${others.join(', ')}.`;
  return new Fault({ code: 303, message, retry: 'never' });
}

/** 304: a loss that the task has no targets for. */
export function lossOfOtherTask(loss: string, task: string, known: readonly string[]): Fault {
  const message = `The loss ${loss} is not for ${task}. Choose one of: auto, ${known.join(', ')}.`;
  return new Fault({ code: 304, message, retry: 'never' });
}

/** 305: a network of one's own under the name of another. */
export function networkNameTaken(name: string): Fault {
  const message = `A network that comes with the program is named ${name}. Give yours another name: models tell by it what they are.`;
  return new Fault({ code: 305, message, retry: 'never' });
}
