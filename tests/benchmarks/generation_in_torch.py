"""The flow generator of `vtkeras.models.flow` in plain PyTorch, layer by layer, to compare speed with."""

import math

import torch
from torch import nn
from torch.nn import functional as F

GRID, SEEN, SHARE, WAVES = 8, 4, 2, 32


def rms_norm(x, axis=-1):
    return x * torch.rsqrt(x.square().mean(axis, keepdim=True) + 1e-6)


def sequence(grid):
    """(batch, channels, height, width) to (batch, places, channels)."""
    return grid.flatten(2).transpose(1, 2)


def at(clips, places):
    """Frames (batch, some, ...) of clips (batch, time, ...) at places (batch, some)."""
    return clips[torch.arange(len(clips))[:, None], places.long()]


class Attention(nn.Module):
    def __init__(self, query_dim, context_dim, dim, heads):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(size, dim) for size in (query_dim, context_dim, context_dim))
        self.output = nn.Linear(dim, query_dim)

    def forward(self, query, context, readable=None):
        def split(x):
            return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        mask = None if readable is None else readable[:, None, None]
        projected = split(self.query(query)), split(self.key(context)), split(self.value(context))
        found = F.scaled_dot_product_attention(*projected, attn_mask=mask)
        return self.output(found.transpose(1, 2).flatten(2))


class Text(nn.Module):
    def __init__(self, words, length, dim, layers, heads, dropout):
        super().__init__()
        self.words, self.places = nn.Embedding(words, dim), nn.Parameter(torch.randn(length, dim))
        sizes = {"dropout": dropout, "activation": "gelu", "batch_first": True, "norm_first": True}
        self.blocks = nn.ModuleList(nn.TransformerEncoderLayer(dim, heads, 2 * dim, **sizes) for _ in range(layers))
        self.norm = nn.LayerNorm(dim)

    def forward(self, tokens):
        readable = tokens != 0
        x = self.words(tokens) + self.places[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x, src_key_padding_mask=~readable)
        x = self.norm(x)
        counted = readable[..., None].float()
        return x, readable, (x * counted).sum(1) / counted.sum(1).clamp(min=1)


class Codec(nn.Module):
    def __init__(self, channels, dim, patch):
        super().__init__()
        half, self.patch = dim // 2, patch
        self.look, self.merge = nn.Conv2d(patch**2 * 3, half, 1), nn.Conv2d(half, half, 4, 2, 1)
        self.mix, self.latents = nn.Conv2d(half, dim, 1), nn.Conv2d(dim, channels, 1)
        self.widen, self.relate = nn.Conv2d(channels, dim, 3, padding=1), nn.Conv2d(dim, dim, 3, padding=1)
        self.split, self.draw = nn.Conv2d(dim, 4 * half, 1), nn.Conv2d(half, half, 3, padding=1)
        self.paint = nn.Conv2d(half, patch**2 * 3, 1)

    def encode(self, frames):
        x = F.silu(self.look(F.pixel_unshuffle(frames, self.patch)))
        return torch.tanh(self.latents(F.silu(self.mix(F.silu(self.merge(x))))))

    def decode(self, latents):
        x = F.silu(self.widen(latents))
        x = F.silu(self.split(x + F.silu(self.relate(x))))
        return F.pixel_shuffle(self.paint(F.silu(self.draw(F.pixel_shuffle(x, 2)))), self.patch)


class Block(nn.Module):
    def __init__(self, dim, word_dim, heads):
        super().__init__()
        self.first, self.second = nn.Conv2d(dim, dim, 3, padding=1), nn.Conv2d(dim, dim, 3, padding=1)
        self.modulation, self.heads = nn.Linear(dim, 3 * dim), heads
        if heads:
            self.position = nn.Parameter(0.02 * torch.randn(GRID * GRID, dim))
            self.read_grid, self.read_words = Attention(dim, dim, dim, heads), Attention(dim, word_dim, dim, heads)

    def forward(self, grid, condition, words, readable):
        scale, shift, gain = self.modulation(condition)[..., None, None].chunk(3, 1)
        update = self.first(rms_norm(grid, 1) * (1 + scale) + shift)
        grid = grid + self.second(F.silu(update)) * (1 + gain)
        if not self.heads:
            return grid
        x = sequence(grid)
        query = rms_norm(x) + self.position
        x = x + self.read_grid(query, query)
        x = x + self.read_words(rms_norm(x) + self.position, words, readable)
        return x.transpose(1, 2).unflatten(2, (GRID, GRID))


class Denoiser(nn.Module):
    def __init__(self, channels, dim, blocks, word_dim, heads):
        super().__init__()
        self.time = nn.Sequential(nn.Linear(2 * WAVES, dim), nn.SiLU(), nn.Linear(dim, dim))
        self.pooled, self.condition = nn.Linear(word_dim, dim), nn.Linear(dim, dim)
        self.enter, self.leave = nn.Conv2d(channels, dim, 3, padding=1), nn.Conv2d(dim, channels, 3, padding=1)
        self.blocks = nn.ModuleList(Block(dim, word_dim, heads if place % 2 else 0) for place in range(blocks))

    def forward(self, noisy, time, words, readable, pooled):
        level = torch.log((time + 1e-3) / (1 - time + 1e-3))[:, None]
        angles = level * torch.exp(torch.linspace(math.log(0.1), math.log(3.0), WAVES))
        condition = self.time(torch.cat([angles.sin(), angles.cos()], 1)) + self.pooled(pooled)
        condition = F.silu(self.condition(F.silu(condition)))
        scale = torch.rsqrt((1 - time).square() + 0.25 * time.square())
        grid = self.enter(noisy * scale[:, None, None, None])
        for block in self.blocks:
            grid = block(grid, condition, words, readable)
        return self.leave(rms_norm(grid, 1))


class Tagger(nn.Module):
    def __init__(self, channels, dim, words):
        super().__init__()
        widths = (channels, dim // 2, dim * 3 // 4, dim)
        self.convolutions = nn.ModuleList(nn.Conv2d(one, two, 3, padding=1) for one, two in zip(widths, widths[1:]))
        self.judge, self.words = nn.Linear(dim, words), words

    def errors(self, latents, tokens):
        for layer in self.convolutions:
            latents = F.silu(layer(latents))
        odds = self.judge(latents.amax((2, 3)))
        there = F.one_hot(tokens.long(), self.words).amax(1)
        return (F.softplus(odds) - there * odds)[:, 1:].sum(-1)


class MovingLayers(nn.Module):
    def __init__(self, num_frames, code_dim, pieces, dim, word_dim, heads, size):
        super().__init__()
        self.num_frames, self.pieces, self.patch, self.size = num_frames, pieces, size // (2 * GRID), size
        pixels, half = self.patch**2 * 3, dim // 2
        self.code_reader = nn.Sequential(
            nn.Conv2d(SEEN * pixels, 64, 1), nn.SiLU(), nn.Conv2d(64, 64, 3, 2, 1), nn.SiLU(),
            nn.Conv2d(64, 64, 3, 2, 1), nn.SiLU(), nn.Flatten(), nn.Linear(64 * 16, 128), nn.SiLU(),
            nn.Linear(128, 2 * code_dim),
        )  # fmt: skip
        self.look, self.merge = nn.Conv2d(pixels, half, 3, padding=1), nn.Conv2d(half, dim, 4, 2, 1)
        self.read_code = nn.Linear(code_dim, dim)
        self.relate = nn.ModuleList(nn.Conv2d(dim, dim, 3, padding=1) for _ in range(3))
        self.read_words, self.read_grid = Attention(dim, word_dim, dim, heads), Attention(dim, dim, dim, heads)
        self.split, self.blend = nn.Conv2d(dim, 4 * half, 1), nn.Conv2d(2 * half, half, 3, padding=1)
        self.paint, self.importance = nn.Conv2d(half, self.patch**2 * (pieces + 4), 1), nn.Conv2d(dim, 1, 1)
        self.plan_path = nn.Sequential(
            nn.Linear(dim, 2 * dim), nn.SiLU(), nn.Linear(2 * dim, 2 * dim), nn.SiLU(),
            nn.Linear(2 * dim, (num_frames - 1) * 4),
        )  # fmt: skip
        self.position = nn.Parameter(0.1 * torch.randn(1, dim, GRID, GRID))

    def code_of(self, clips):
        last = self.num_frames - 1
        patches = [F.pixel_unshuffle(clips[:, place], self.patch) for place in (0, 1, last // 2, last)]
        return self.code_reader(torch.cat(patches, 1)).chunk(2, 1)

    def forward(self, first, code, words, readable, times):
        seen = F.silu(self.look(F.pixel_unshuffle(first, self.patch)))
        grid = F.silu(self.merge(seen)) + self.position
        grid = grid + F.silu(self.relate[0](rms_norm(grid, 1)))
        x = sequence(grid)
        x = x + self.read_words(rms_norm(x), words, readable)
        x = x + self.read_code(code)[:, None]
        grid = (x + self.read_grid(rms_norm(x), rms_norm(x))).transpose(1, 2).unflatten(2, (GRID, GRID))
        for layer in self.relate[1:]:
            grid = grid + F.silu(layer(rms_norm(grid, 1)))
        fine = F.silu(self.blend(torch.cat([F.pixel_shuffle(self.split(grid), 2), seen], 1)))
        painted = F.pixel_shuffle(self.paint(fine), self.patch)
        rest, masks = painted[:, : self.pieces + 1].softmax(1).split((1, self.pieces), 1)
        background = rest * first + (1 - rest) * torch.sigmoid(painted[:, self.pieces + 1 :] - 2)
        return self.render(first, masks, background, *self.paths(grid, masks, times))

    def paths(self, grid, masks, times):
        weight = self.importance(rms_norm(grid, 1)).clamp(-6, 6).exp()
        covered = (F.avg_pool2d(masks, self.size // GRID) * weight).flatten(2)
        pieces = covered / (covered.sum(-1, keepdim=True) + 1e-6) @ sequence(grid)
        path = self.plan_path(rms_norm(pieces)).unflatten(-1, (self.num_frames - 1, 4)).transpose(1, 2)
        path = at(torch.cat([path[..., :2].cumsum(1), path[..., 2:]], -1), times - 1)
        return path[..., :2] * self.size / 16, 0.3 + F.softplus(path[..., 2:] * 4 + 1)

    def render(self, first, masks, background, displacement, width):
        masks = masks[:, :, None]
        images = torch.cat([masks * first[:, None], masks], 2)[:, None]  # (batch, 1, pieces, 4, size, size)
        rows, columns = (self.kernel(displacement[..., axis], width[..., axis])[:, :, :, None] for axis in (0, 1))
        moved = (rows @ images @ columns.transpose(-1, -2)).sum(2)
        return moved[:, :, :3] + F.relu(1 - moved[:, :, 3:]) * background[:, None]

    def kernel(self, displacement, width):
        """(batch, times, pieces, to, from), rows that sum to 1."""
        place = torch.arange(self.size, dtype=torch.float32)
        distance = place[:, None] - place - displacement[..., None, None]
        return (-0.5 * (distance / width[..., None, None]).square()).softmax(-1)


class Flow(nn.Module):
    """Takes the batches of the Keras model as tensors, channels before height and width, and gives the mean loss."""

    def __init__(self, config, words, latent_channels=4, codec_dim=96, flow_dim=128, flow_blocks=4, motion_dim=96,
                 motion_code=16, pieces=3, samples=2, targets=2, shift=1.5, **drawing):  # fmt: skip
        super().__init__()
        data, model = config.data, config.model
        length, heads = max(data.question_length, data.caption_length), model.num_heads
        self.text = Text(words, length, model.dim, model.text_layers, heads, model.dropout)
        self.codec = Codec(latent_channels, codec_dim, data.image_size // (2 * GRID))
        self.denoiser = Denoiser(latent_channels, flow_dim, flow_blocks, model.dim, heads)
        self.tagger = Tagger(latent_channels, flow_dim, words)
        sizes = data.num_frames, motion_code, pieces, motion_dim, model.dim, heads, data.image_size
        self.motion = MovingLayers(*sizes)
        self.samples, self.shifting = samples, shift

    def forward(self, batch):
        clips = batch["frames"].float() / 255
        words, readable, pooled = self.text(batch["match_tokens"])
        frames = at(clips, batch["place"] * clips.shape[1])
        some = slice(None, None, SHARE)
        with torch.no_grad():
            latents = self.codec.encode(frames.flatten(0, 1))
        tokens, blur = (batch[name].repeat_interleave(self.samples, 0) for name in ("match_tokens", "blur"))
        return (
            self.of_frames(batch, latents, words, readable, pooled)
            + 0.05 * self.tagger.errors(latents + 0.15 * blur, tokens).mean()
            + self.of_codec(frames[some, 0], batch["blur"][some])
            + self.of_motion(clips[some], batch["times"][some], batch["code"][some], words[some], readable[some])
        )

    def of_frames(self, batch, latents, words, readable, pooled):
        time = torch.sigmoid(1.2 * batch["level"].flatten())
        time = time / (time + self.shifting * (1 - time))
        share = time[:, None, None, None]
        noisy = share * latents + (1 - share) * batch["noise"].flatten(0, 1)
        worded = batch["wordless"].flatten() >= 0.1
        words, readable, pooled = (one.repeat_interleave(self.samples, 0) for one in (words, readable, pooled))
        nothing = torch.arange(readable.shape[1]) == 0  # one word is left, where ours would read none
        found = self.denoiser(noisy, time, words, readable & (worded[:, None] | nothing), pooled * worded[:, None])
        weight = (1 + 0.5 * (time / (1 - time)).square()).clamp(max=5.0)
        return (weight * (found - latents).square().mean((1, 2, 3))).mean()

    def of_codec(self, frames, blur):
        return 30 * (self.codec.decode(self.codec.encode(frames) + 0.15 * blur) - frames).square().mean()

    def of_motion(self, clips, times, noise, words, readable):
        times = 1 + (times.square() * (clips.shape[1] - 1)).floor().long()
        mean, log_variance = self.motion.code_of(clips)
        code = mean + (0.5 * log_variance).exp() * noise
        made = self.motion(clips[:, 0], code, words, readable, times)
        nats = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1)
        return 30 * (made - at(clips, times)).square().mean() + 0.0005 * nats.mean()
