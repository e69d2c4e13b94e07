// Two painters of many points: WebGL, and pixels by hand where there is none. Both paint what `Scene` says.
//
// A scene: {points, order, colors, count, faint, radius, ratio, width, height, view: {x, y, scale}, ground}
//   order   indices of the points to paint, the faint ones first
//   faint   how many of them are faint
//   colors  red, green, blue, 255 of every point
//   ground  red, green, blue behind them
//   radius  of a point, in CSS pixels; ratio of device pixels to CSS pixels
//   view    the data coordinates in the middle, and CSS pixels for each unit of data

const OPACITY = 0.85;
const FAINT = 0.16;

const VERTEX = `#version 300 es
in vec2 place; in vec4 color;
uniform vec2 middle, scale; uniform float size;
out vec3 tint;
void main() {
  gl_Position = vec4((place - middle) * scale, 0.0, 1.0);
  gl_PointSize = size + 1.0;
  tint = color.rgb;
}`;

const FRAGMENT = `#version 300 es
precision highp float; // as in the other shader, which shares a uniform
in vec3 tint; uniform float size, opacity;
out vec4 result;
void main() {
  float away = length(gl_PointCoord - 0.5) * (size + 1.0);
  float cover = clamp(size * 0.5 - away + 0.5, 0.0, 1.0) * opacity;
  if (cover <= 0.0) discard;
  result = vec4(tint * cover, cover);
}`;

function compiled(gl) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  return gl.getProgramParameter(program, gl.LINK_STATUS) ? program : null;
}

// Not every browser heeds failIfMajorPerformanceCaveat: the renderer's name tells, too.
const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;

function rendererOf(gl) {
  const names = gl.getExtension("WEBGL_debug_renderer_info");
  return String(gl.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
}

export class GlPainter {
  /** Null where the browser has no WebGL 2, or, for many points, only one that computes without a graphics card. */
  static on(canvas, many) {
    const gl = canvas.getContext("webgl2", { antialias: false, depth: false, failIfMajorPerformanceCaveat: many });
    if (!gl || (many && SOFTWARE.test(rendererOf(gl)))) return null;
    const painter = new GlPainter(gl);
    return painter.program ? painter : null;
  }

  constructor(gl) {
    this.gl = gl;
    this.name = "webgl";
    this.restore();
  }

  /** Make everything that the context holds, at first and after it was lost. */
  restore() {
    const { gl } = this;
    this.program = compiled(gl);
    if (!this.program) return;
    this.uniforms = Object.fromEntries(
      ["middle", "scale", "size", "opacity"].map((name) => [name, gl.getUniformLocation(this.program, name)]),
    );
    this.array = gl.createVertexArray();
    this.buffers = { place: gl.createBuffer(), color: gl.createBuffer(), order: gl.createBuffer() };
    this.held = {};
    gl.bindVertexArray(this.array);
    const place = gl.getAttribLocation(this.program, "place");
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers.place);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, 2, gl.FLOAT, false, 0, 0);
    const color = gl.getAttribLocation(this.program, "color");
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers.color);
    gl.enableVertexAttribArray(color);
    gl.vertexAttribPointer(color, 4, gl.UNSIGNED_BYTE, true, 0, 0);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.buffers.order);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  #hold(name, target, data, usage) {
    if (this.held[name] === data) return;
    this.gl.bindBuffer(target, this.buffers[name]);
    this.gl.bufferData(target, data, usage);
    this.held[name] = data;
  }

  paint(scene) {
    const { gl } = this;
    if (gl.isContextLost()) return;
    gl.bindVertexArray(this.array);
    this.#hold("place", gl.ARRAY_BUFFER, scene.points, gl.STATIC_DRAW);
    this.#hold("color", gl.ARRAY_BUFFER, scene.colors, gl.DYNAMIC_DRAW);
    this.#hold("order", gl.ELEMENT_ARRAY_BUFFER, scene.order, gl.DYNAMIC_DRAW);
    gl.viewport(0, 0, scene.width * scene.ratio, scene.height * scene.ratio);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.useProgram(this.program);
    gl.uniform2f(this.uniforms.middle, scene.view.x, scene.view.y);
    gl.uniform2f(this.uniforms.scale, (2 * scene.view.scale) / scene.width, (2 * scene.view.scale) / scene.height);
    gl.uniform1f(this.uniforms.size, 2 * scene.radius * scene.ratio);
    gl.uniform1f(this.uniforms.opacity, FAINT);
    if (scene.faint) gl.drawElements(gl.POINTS, scene.faint, gl.UNSIGNED_INT, 0);
    gl.uniform1f(this.uniforms.opacity, OPACITY);
    gl.drawElements(gl.POINTS, scene.order.length - scene.faint, gl.UNSIGNED_INT, 4 * scene.faint);
  }
}

export class PixelPainter {
  constructor(canvas) {
    this.context = canvas.getContext("2d");
    this.name = "canvas";
  }

  restore() {}

  paint(scene) {
    const reach = Math.ceil(scene.radius * scene.ratio) + 1;
    // With a margin, so that points at the edge need no care.
    const width = Math.round(scene.width * scene.ratio) + 2 * reach;
    const height = Math.round(scene.height * scene.ratio) + 2 * reach;
    if (this.image?.width !== width || this.image.height !== height) {
      this.image = this.context.createImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    const { pixels } = this;
    pixels.fill(0);
    const { points, order, colors, faint, ground, view } = scene;
    const tints = new Uint32Array(colors.buffer);
    // Opaque, since blending by hand would cost more than everything else: a faint colour is mixed with the ground.
    const mix = (channel, shift) => Math.round(((channel >>> shift) & 255) * FAINT * 1.6 + ground[shift / 8] * (1 - FAINT * 1.6)) << shift;
    const cache = new Map();
    const pale = (tint) => {
      if (!cache.has(tint)) cache.set(tint, (mix(tint, 0) | mix(tint, 8) | mix(tint, 16) | 0xff000000) >>> 0);
      return cache.get(tint);
    };
    const stamp = disc(scene.radius * scene.ratio, width);
    const scale = view.scale * scene.ratio;
    for (let k = 0; k < order.length; k++) {
      const i = order[k];
      const x = Math.round((points[2 * i] - view.x) * scale + width / 2);
      const y = Math.round(height / 2 - (points[2 * i + 1] - view.y) * scale);
      if (x < reach || y < reach || x >= width - reach || y >= height - reach) continue;
      const tint = k < faint ? pale(tints[i]) : tints[i];
      const at = y * width + x;
      for (let s = 0; s < stamp.length; s++) pixels[at + stamp[s]] = tint;
    }
    this.context.putImageData(this.image, -reach, -reach);
  }
}

/** The pixels of a disc, as offsets from its middle in rows of so many. */
function disc(radius, width) {
  const offsets = [];
  const reach = Math.ceil(radius);
  for (let y = -reach; y <= reach; y++)
    for (let x = -reach; x <= reach; x++) if (x * x + y * y <= (radius + 0.2) ** 2) offsets.push(y * width + x);
  return offsets;
}
