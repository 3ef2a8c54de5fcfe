import { toString as renderQr } from 'qrcode';

/** A QR code as SVG. Pay links are long, so it uses the lowest error correction to keep the dots large. */
export function qrSvg(payload: string): Promise<string> {
  return renderQr(payload, { type: 'svg', errorCorrectionLevel: 'L', margin: 2 });
}
