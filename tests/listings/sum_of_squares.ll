declare <8 x float> @llvm.masked.load.v8f32.p0(ptr, <8 x i1>, <8 x float>)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.x86.sse.stmxcsr(ptr)
declare void @llvm.x86.sse.ldmxcsr(ptr)

; sum, one number; summed over 100: x -> contract
define internal void @k0(ptr %table, ptr %arena, i64 %tid, i64 %threads) nounwind {
entry:
  %p1 = getelementptr inbounds ptr, ptr %table, i64 1
  %p2 = load ptr, ptr %p1, align 8
  %p3 = getelementptr inbounds ptr, ptr %table, i64 2
  %p4 = load ptr, ptr %p3, align 8
  br label %loop5
loop5:
  %i7 = phi i64 [0, %entry], [%v31, %loop5]
  %c8 = phi <8 x float> [splat (float 0x0000000000000000), %entry], [%v15, %loop5]
  %c9 = phi <8 x float> [splat (float 0x0000000000000000), %entry], [%v20, %loop5]
  %c10 = phi <8 x float> [splat (float 0x0000000000000000), %entry], [%v25, %loop5]
  %c11 = phi <8 x float> [splat (float 0x0000000000000000), %entry], [%v30, %loop5]
  %p12 = getelementptr inbounds float, ptr %p2, i64 %i7
  %v13 = load <8 x float>, ptr %p12, align 4
  %v14 = fmul contract <8 x float> %v13, %v13
  %v15 = fadd contract <8 x float> %c8, %v14
  %v16 = add i64 %i7, 8
  %p17 = getelementptr inbounds float, ptr %p2, i64 %v16
  %v18 = load <8 x float>, ptr %p17, align 4
  %v19 = fmul contract <8 x float> %v18, %v18
  %v20 = fadd contract <8 x float> %c9, %v19
  %v21 = add i64 %i7, 16
  %p22 = getelementptr inbounds float, ptr %p2, i64 %v21
  %v23 = load <8 x float>, ptr %p22, align 4
  %v24 = fmul contract <8 x float> %v23, %v23
  %v25 = fadd contract <8 x float> %c10, %v24
  %v26 = add i64 %i7, 24
  %p27 = getelementptr inbounds float, ptr %p2, i64 %v26
  %v28 = load <8 x float>, ptr %p27, align 4
  %v29 = fmul contract <8 x float> %v28, %v28
  %v30 = fadd contract <8 x float> %c11, %v29
  %v31 = add i64 %i7, 32
  %v32 = icmp slt i64 %v31, 96
  br i1 %v32, label %loop5, label %done6
done6:
  %p33 = getelementptr inbounds float, ptr %p2, i64 96
  %v34 = call <8 x float> @llvm.masked.load.v8f32.p0(ptr align 4 %p33, <8 x i1> <i1 true, i1 true, i1 true, i1 true, i1 false, i1 false, i1 false, i1 false>, <8 x float> zeroinitializer)
  %v35 = fmul contract <8 x float> %v34, %v34
  %v36 = select <8 x i1> <i1 true, i1 true, i1 true, i1 true, i1 false, i1 false, i1 false, i1 false>, <8 x float> %v35, <8 x float> splat (float 0x0000000000000000)
  %v37 = fadd contract <8 x float> %v15, %v36
  %v38 = fadd contract <8 x float> %v37, %v25
  %v39 = fadd contract <8 x float> %v20, %v30
  %v40 = fadd contract <8 x float> %v38, %v39
  %v41 = shufflevector <8 x float> %v40, <8 x float> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  %v42 = shufflevector <8 x float> %v40, <8 x float> poison, <4 x i32> <i32 4, i32 5, i32 6, i32 7>
  %v43 = fadd contract <4 x float> %v41, %v42
  %v44 = shufflevector <4 x float> %v43, <4 x float> poison, <2 x i32> <i32 0, i32 1>
  %v45 = shufflevector <4 x float> %v43, <4 x float> poison, <2 x i32> <i32 2, i32 3>
  %v46 = fadd contract <2 x float> %v44, %v45
  %v47 = extractelement <2 x float> %v46, i32 0
  %v48 = extractelement <2 x float> %v46, i32 1
  %v49 = fadd contract float %v47, %v48
  store float %v49, ptr %p4, align 4
  ret void
}

define internal i64 @step(ptr %table, ptr %arena, i64 %tid, i64 %threads, ptr %sync) nounwind {
entry:
  call void @k0(ptr %table, ptr %arena, i64 %tid, i64 %threads)
  ret i64 1
}

define  void @run(ptr %arena, i64 %tid, i64 %threads, ptr %sync, ptr %args) nounwind {
entry:
  %table = alloca [3 x ptr], align 64
  call void @llvm.memcpy.p0.p0.i64(ptr %table, ptr %args, i64 24, i1 false)
  %p1 = alloca i32, align 4
  %p2 = alloca i32, align 4
  call void @llvm.x86.sse.stmxcsr(ptr %p1)
  %p3 = load i32, ptr %p1, align 4
  %p4 = or i32 %p3, 32832
  store i32 %p4, ptr %p2, align 4
  call void @llvm.x86.sse.ldmxcsr(ptr %p2)
  %ok = call i64 @step(ptr %table, ptr %arena, i64 %tid, i64 %threads, ptr %sync)
  call void @llvm.x86.sse.ldmxcsr(ptr %p1)
  ret void
}

