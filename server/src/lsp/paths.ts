/** URIs on the wire, paths inside: absolute, with `/`. */
import { fileURLToPath, pathToFileURL } from 'node:url';
import { absolutePath } from '../text/files.ts';

export function pathOf(uri: string): string {
  try {
    return uri.startsWith('file:') ? absolutePath(fileURLToPath(uri)) : uri;
  } catch {
    // A file of another host has no path here; its own name serves.
    return uri;
  }
}

export function uriOf(path: string): string {
  return pathToFileURL(path).href;
}

/** True for a folder and for all that lies below it. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}
